import JSON

/// Functions that the codecs of Winnow's own messages share.
enum Contract {
    static func read<Message>(_ bytes: [UInt8], _ body: (JSONValue) throws -> Message) throws -> Message {
        try parsed(bytes) { root in
            guard root.kind == .object else { throw ContractError(.wrongType, "the message must be a JSON object") }
            return try body(root)
        }
    }

    /// Reads a JSON array from a column of the store.
    static func readList<Element>(
        _ bytes: some Sequence<UInt8>, _ element: (JSONValue) throws -> Element
    ) throws -> [Element] {
        try parsed(bytes) { root in
            guard let elements = try root.map(element) else {
                throw ContractError(.wrongType, "the value must be a JSON array")
            }
            return elements
        }
    }

    /// - Throws: `ContractError` for bytes that are not JSON, and for a field that `body` cannot read; errors of `body`.
    static func parsed<Result>(
        _ bytes: some Sequence<UInt8>, _ body: (JSONValue) throws -> Result
    ) throws -> Result {
        do {
            return try JSONDocument.read(bytes, body)
        } catch let error as JSONError {
            throw ContractError(.notJSON, error.message)
        } catch let error as JSONFieldError {
            throw ContractError(error.code == .missing ? .missingField : .wrongType, error.message)
        }
    }

    static func route(_ body: JSONValue) throws -> Route {
        Route(Capability(rawValue: try body.required("capability")), try body.required("task"))
    }

    /// Reads the index of a step in its plan. The store keeps it in 16 bits.
    static func step(_ body: JSONValue) throws -> Int {
        try body.requiredInteger("step", within: 0...Int(Int16.max))
    }

    static func text(_ value: JSONValue, _ path: String) throws -> String {
        guard let text = value.string else { throw ContractError(.wrongType, "\(path) must hold strings") }
        return text
    }

    static func answers(_ body: JSONValue) throws -> [Answer?] {
        try body.list("answers") { $0.isNull ? nil : try Answer(json: $0) }
    }

    /// - Returns: `nil` for a request from before catalogs.
    static func catalogVersion(_ body: JSONValue) throws -> Int64? {
        try body.integer("catalogVersion", within: 0...Int.max).map(Int64.init)
    }

    static func attempts(_ body: JSONValue) throws -> [Attempt] {
        try body.list("attempts") { try Attempt(json: $0) }
    }
}

/// The reason why a message was rejected. It never quotes the message.
public struct ContractError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case notJSON = "not_json"
        case wrongType = "wrong_type"
        case missingField = "missing_field"
        case emptyText = "empty_text"
        case unknownChannel = "unknown_channel"
        case unknownRoute = "unknown_route"
        case tooLarge = "too_large"
        case invalidPlan = "invalid_plan"
        case invalidHeader = "invalid_header"
        case expired = "deadline_passed"
        case idReused = "id_reused"
        case overloaded
        case unknownType = "unknown_type"
        case unsupportedMediaType = "unsupported_media_type"
        case unknownRequest = "unknown_request"
        case unknownStep = "unknown_step"
        case wrongTenant = "wrong_tenant"
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Reports an id that is already taken by a request that waits, was accepted, or comes earlier in the same input.
    public static let idReused = ContractError(
        .idReused, "another request with this id has a different body; send this request with a new id")

    public var description: String { "\(code.rawValue): \(message)" }
}

/// An error that says whether a retry may succeed.
public protocol RetriableError: Error {
    /// `false` if the same call would fail in the same way again.
    var isRetriable: Bool { get }
    /// Whether a dependency is unavailable, such as the broker or the database. A retry then succeeds once it is back,
    /// whatever the caller asks for. By default it is not.
    var isDependencyUnavailable: Bool { get }
    /// Whether all records of a service need the unavailable dependency, as they need the broker and the database. The
    /// server of one model is needed only by the records that ask it. By default all records need it.
    var isDependencyShared: Bool { get }
}

extension RetriableError {
    public var isDependencyUnavailable: Bool { false }

    public var isDependencyShared: Bool { true }
}

/// Fields with a meaning of their own, beside those that `JSON` reads.
extension JSONValue {
    /// - Throws: `JSONFieldError` for a time before 1970 or after the year 9999.
    func requiredTime(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> Timestamp {
        let range = 0...Int(Timestamp.last.milliseconds)
        return Timestamp(milliseconds: Int64(try requiredInteger(name, in: path, within: range)))
    }

    /// Reads a name that becomes part of a key.
    /// - Throws: `JSONFieldError`; `ContractError` if the name is too long.
    func requiredName(_ name: StaticString, in path: String? = nil) throws -> String {
        let text = try required(name, in: path)
        guard text.utf8.count <= Limits.identifierBytes else {
            let field = Self.path(of: name, in: path)
            throw ContractError(.tooLarge, "\(field) has more than \(Limits.identifierBytes) bytes")
        }
        return text
    }
}
