import Contracts
import JSON

/// Reads the members of a file, and collects what is wrong instead of stopping at the first fault.
struct FileReader {
    let file: String
    private(set) var faults: [CatalogFileError.Fault] = []

    init(file: String) { self.file = file }

    mutating func fault(_ code: CatalogFileError.Code, _ path: String, _ message: String) {
        faults.append(CatalogFileError.Fault(code, file, path, message))
    }

    /// Reads an object.
    /// - Parameter names: the members that it may have. Every other one is a fault.
    /// - Returns: `nil` if the value is no object.
    mutating func object(_ value: JSONValue, at path: String, _ names: [String]) -> FileObject? {
        guard value.kind == .object else {
            fault(.wrongType, path, "must be an object")
            return nil
        }
        var members: [String: JSONValue] = [:]
        value.forEachMember { name, member in
            guard names.contains(name) else {
                fault(.unknownMember, path, "has the unknown member \(Self.quoted(name))")
                return
            }
            if members.updateValue(member, forKey: name) != nil {
                fault(.duplicate, Self.path(path, name), "occurs twice")
            }
        }
        return FileObject(members: members, path: path)
    }

    /// Returns the member, whose absence is a fault.
    mutating func required(_ name: String, of object: FileObject) -> JSONValue? {
        guard let member = object.members[name] else {
            fault(.missing, object.path(of: name), "is missing")
            return nil
        }
        return member
    }

    /// Reads an array whose number of elements is in `range`.
    mutating func array(
        _ value: JSONValue, at path: String, _ range: ClosedRange<Int>
    ) -> [(path: String, value: JSONValue)]? {
        guard let elements = value.map({ $0 }) else {
            fault(.wrongType, path, "must be an array")
            return nil
        }
        guard range.contains(elements.count) else {
            fault(.size, path, "must have \(range.lowerBound) to \(range.upperBound) elements")
            return nil
        }
        return elements.enumerated().map { ("\(path)[\($0)]", $1) }
    }

    mutating func string(_ value: JSONValue, at path: String) -> String? {
        guard let text = value.string else {
            fault(.wrongType, path, "must be a string")
            return nil
        }
        return text
    }

    /// Reads a required text of a form.
    mutating func text(_ name: String, of object: FileObject, _ form: TextForm) -> String? {
        guard let member = required(name, of: object) else { return nil }
        return text(member, at: object.path(of: name), form)
    }

    mutating func text(_ value: JSONValue, at path: String, _ form: TextForm) -> String? {
        guard let text = string(value, at: path) else { return nil }
        guard form.accepts(text) else {
            fault(.value, path, form.rule)
            return nil
        }
        return text
    }

    /// Reads a required word that is one of the cases of an enumeration.
    mutating func word<Word: RawRepresentable & CaseIterable>(
        _ name: String, of object: FileObject, as type: Word.Type = Word.self
    ) -> Word? where Word.RawValue == String {
        guard let member = required(name, of: object), let text = string(member, at: object.path(of: name)) else {
            return nil
        }
        guard let word = Word(rawValue: text) else {
            let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
            fault(.value, object.path(of: name), "must be one of \(known)")
            return nil
        }
        return word
    }

    mutating func bool(_ name: String, of object: FileObject) -> Bool? {
        guard let member = object.members[name] else { return nil }
        if member.bool == nil { fault(.wrongType, object.path(of: name), "must be true or false") }
        return member.bool
    }

    mutating func integer(_ name: String, of object: FileObject, _ range: ClosedRange<Int>) -> Int? {
        guard let member = object.members[name] else { return nil }
        guard let number = member.integer, range.contains(number) else {
            let rule = "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            fault(member.integer == nil ? .wrongType : .value, object.path(of: name), rule)
            return nil
        }
        return number
    }

    mutating func number(_ name: String, of object: FileObject, _ range: ClosedRange<Double>) -> Double? {
        guard let member = object.members[name] else { return nil }
        guard let number = member.double, range.contains(number) else {
            let rule = "must be a number from \(range.lowerBound) to \(range.upperBound)"
            fault(member.double == nil ? .wrongType : .value, object.path(of: name), rule)
            return nil
        }
        return number
    }

    /// Reads a required whole number.
    mutating func requiredInteger(_ name: String, of object: FileObject, _ range: ClosedRange<Int>) -> Int? {
        guard let member = required(name, of: object) else { return nil }
        guard let integer = member.integer, range.contains(integer) else {
            fault(
                .value, object.path(of: name),
                "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    /// Reads a required number above 0 and below a limit.
    mutating func number(_ name: String, of object: FileObject, below limit: Double) -> Double? {
        guard let member = required(name, of: object) else { return nil }
        guard let number = member.double, number > 0, number < limit else {
            fault(.value, object.path(of: name), "must be a number above 0 and below \(Int(limit))")
            return nil
        }
        return number
    }

    static func path(_ parent: String, _ name: String) -> String { parent.isEmpty ? name : "\(parent).\(name)" }

    /// A misspelt name helps its author. Anything else that stands where a name should could be long, or control a
    /// terminal.
    private static func quoted(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            TextForm.isLowerCase(byte) || TextForm.isDigit(byte) || (0x41...0x5A).contains(byte)
                || [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "$")].contains(byte)
        }
        return isPlain && (1...63).contains(name.utf8.count) ? "“\(name)”" : "with a name that is not shown"
    }
}

/// An object of a file, whose members are known by name.
struct FileObject {
    let members: [String: JSONValue]
    let path: String

    func path(of name: String) -> String { FileReader.path(path, name) }
}

/// The form of a text.
enum TextForm {
    /// Part of the name of a topic, of a consumer group and of a metric.
    case name
    /// A folder of the models directory, or an endpoint. No path leads out of the directory.
    case model
    case endpoint
    /// A primary subtag of BCP 47.
    case language
    /// The fingerprint of a router's state.
    case fingerprint
    /// One line, of at most this many code points.
    case line(Int)
    case label
    /// A text at which an answer ends. It may hold any character, such as a line break.
    case stop

    var rule: String {
        switch self {
        case .name:
            "must be lower-case letters, digits and hyphens, begin with a letter, and have at most 63 characters"
        case .model: "must be the name of a folder of models, or “endpoint:” and a name"
        case .endpoint: "must be “endpoint:” and a name"
        case .language: "must be a language of two or three lower-case letters, such as “en”"
        case .fingerprint: "must be 16 lower-case hexadecimal digits"
        case .line(let limit):
            "must be one line of 1 to \(limit) characters without control characters, and without a space at either end"
        case .label:
            "must be one line of 1 to \(CatalogLimits.labelLength) characters without control characters and commas, "
                + "and without a space at either end"
        case .stop: "must have 1 to \(CatalogLimits.stopTextLength) characters"
        }
    }

    func accepts(_ text: String) -> Bool {
        switch self {
        case .name: Self.isName(text.utf8)
        case .model: Self.isName(TaskModels.isEndpoint(text) ? text.utf8.dropFirst(9) : text.utf8[...])
        case .endpoint: TaskModels.isEndpoint(text) && Self.isName(text.utf8.dropFirst(9))
        case .language: (2...3).contains(text.utf8.count) && text.utf8.allSatisfy(Self.isLowerCase)
        case .fingerprint:
            text.utf8.count == 16 && text.utf8.allSatisfy { Self.isDigit($0) || (0x61...0x66).contains($0) }
        case .line(let limit): Self.isLine(text, limit)
        case .label: Self.isLine(text, CatalogLimits.labelLength) && !text.utf8.contains(UInt8(ascii: ","))
        case .stop: (1...CatalogLimits.stopTextLength).contains(text.unicodeScalars.count)
        }
    }

    static func isLowerCase(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, isLowerCase(first), bytes.count <= 63 else { return false }
        return bytes.allSatisfy { isLowerCase($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isLine(_ text: String, _ limit: Int) -> Bool {
        let space = UInt8(ascii: " ")
        return (1...limit).contains(text.unicodeScalars.count) && text.utf8.first != space && text.utf8.last != space
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
