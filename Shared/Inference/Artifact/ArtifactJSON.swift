import JSON

/// A JSON value of an artifact's file, with its path. `JSON` reads the fields, and their errors name the file.
struct ArtifactJSON {
    let value: JSONValue
    let path: String
    let file: String
    let code: ArtifactError.Code

    /// Lends the root of the document in `bytes`.
    /// - Throws: errors of `body`; `code` if `bytes` are not JSON.
    static func read<Result>(
        _ bytes: UnsafeRawBufferPointer, file: String, code: ArtifactError.Code,
        _ body: (ArtifactJSON) throws(ArtifactError) -> Result
    ) throws(ArtifactError) -> Result {
        do {
            return try JSONDocument.read(bytes) { root in
                try body(ArtifactJSON(value: root, path: "", file: file, code: code))
            }
        } catch let error as ArtifactError {
            throw error
        } catch {
            throw ArtifactError(code, file, "\(error)")
        }
    }

    func fault(_ message: String) -> ArtifactError { ArtifactError(code, file, message) }

    /// - Returns: `nil` if the member is absent or `null`.
    func optional(_ name: StaticString) -> ArtifactJSON? {
        value[name].map { at(JSONValue.path(of: name, in: parent), $0) }
    }

    func member(_ name: StaticString) throws(ArtifactError) -> ArtifactJSON {
        at(JSONValue.path(of: name, in: parent), try field { try $0.requiredMember(name, in: parent) })
    }

    func text() throws(ArtifactError) -> String { try field { try $0.text(at: path) } }

    func number() throws(ArtifactError) -> Double { try field { try $0.number(at: path) } }

    func integer() throws(ArtifactError) -> Int { try field { try $0.integer(at: path) } }

    func elements() throws(ArtifactError) -> [ArtifactJSON] {
        try field { try $0.elements(at: path) }.enumerated().map { at("\(path)[\($0)]", $1) }
    }

    /// The path of the members; `nil` for those of the root.
    private var parent: String? { path.isEmpty ? nil : path }

    private func at(_ path: String, _ value: JSONValue) -> ArtifactJSON {
        ArtifactJSON(value: value, path: path, file: file, code: code)
    }

    /// - Parameter read: throws `JSONFieldError`.
    private func field<Field>(_ read: (JSONValue) throws -> Field) throws(ArtifactError) -> Field {
        do {
            return try read(value)
        } catch {
            throw fault("\(error)")
        }
    }

    func positive() throws(ArtifactError) -> Double {
        let number = try number()
        guard number > 0, number.isFinite else { throw fault("\(path) is not a positive number") }
        return number
    }

    func texts() throws(ArtifactError) -> [String] {
        try elements().map { element throws(ArtifactError) in try element.text() }
    }

    func integer(_ name: StaticString, in range: ClosedRange<Int>) throws(ArtifactError) -> Int {
        let member = try member(name), integer = try member.integer()
        guard range.contains(integer) else {
            throw fault("\(member.path) is \(integer), outside \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }
}

/// A model artifact was refused, because it is invalid, truncated or for another runtime. Never retriable: the files
/// must change.
public struct ArtifactError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case unreadable
        /// `card.json` is not JSON, lacks a member, or has a member of the wrong type.
        case card
        case schemaVersion = "schema_version"
        /// The artifact is well formed, but this runtime does not support it.
        case unsupported
        case byteCount = "byte_count"
        case checksum
        /// The safetensors header violates the format.
        case header
        case dtype, shape, offsets
        case duplicateTensor = "duplicate_tensor"
        case missingTensor = "missing_tensor"
        case surplusTensor = "surplus_tensor"
        /// Card and tensors name different models.
        case identity
        /// A tensor's shape differs from the card's dimensions.
        case dimensions
        /// A scale is not finite and positive, or another number is not finite.
        case value
        case labels, vocabulary
    }

    public let code: Code
    public let file: String
    public let message: String

    public var isRetriable: Bool { false }

    public init(_ code: Code, _ file: String, _ message: String) {
        self.code = code
        self.file = file
        self.message = message
    }

    public var description: String { "\(code.rawValue): \(file): \(message)" }
}
