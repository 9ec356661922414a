import JSON

/// Typed members of a message; a wrong type is an error that names the field.
extension JSONValue {
    func text(_ name: StaticString, in path: String? = nil) throws -> String? {
        try member(name, in: path, "a string") { $0.string }
    }

    func integer(_ name: StaticString, in path: String? = nil) throws -> Int? {
        try member(name, in: path, "a whole number") { $0.integer }
    }

    func number(_ name: StaticString, in path: String? = nil) throws -> Double? {
        try member(name, in: path, "a number") { $0.double }
    }

    func required(_ name: StaticString, in path: String? = nil) throws -> String {
        try present(try text(name, in: path), name, path)
    }

    func requiredInteger(_ name: StaticString, in path: String? = nil) throws -> Int {
        try present(try integer(name, in: path), name, path)
    }

    /// - Throws: `ContractError` for a number outside of `range`.
    func integer(_ name: StaticString, in path: String? = nil, within range: ClosedRange<Int>) throws -> Int? {
        guard let number = try integer(name, in: path) else { return nil }
        guard range.contains(number) else {
            throw ContractError(
                .wrongType,
                "\(Self.field(name, path)) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func requiredInteger(
        _ name: StaticString, in path: String? = nil, within range: ClosedRange<Int>
    ) throws -> Int {
        try present(try integer(name, in: path, within: range), name, path)
    }

    /// - Throws: `ContractError` for a time before 1970 or after the year 9999.
    func requiredTime(_ name: StaticString, in path: String? = nil) throws -> Timestamp {
        let range = 0...Int(Timestamp.last.milliseconds)
        return Timestamp(milliseconds: Int64(try requiredInteger(name, in: path, within: range)))
    }

    /// A name that becomes part of a key. - Throws: `ContractError` for one that is too long.
    func requiredName(_ name: StaticString, in path: String? = nil) throws -> String {
        let text = try required(name, in: path)
        guard text.utf8.count <= Limits.identifierBytes else {
            throw ContractError(.tooLarge, "\(Self.field(name, path)) has more than \(Limits.identifierBytes) bytes")
        }
        return text
    }

    func requiredNumber(_ name: StaticString, in path: String? = nil) throws -> Double {
        try present(try number(name, in: path), name, path)
    }

    /// An absent list is an empty one.
    func list<Element>(
        _ name: StaticString, in path: String? = nil, _ body: (JSONValue) throws -> Element
    ) throws -> [Element] {
        guard let value = self[name] else {
            guard kind == .object else { throw ContractError(.wrongType, "\(path ?? "the value") must hold objects") }
            return []
        }
        guard let elements = try value.map(body) else {
            throw ContractError(.wrongType, "\(Self.field(name, path)) must be an array")
        }
        return elements
    }

    private func member<Value>(
        _ name: StaticString, in path: String?, _ type: String, _ read: (JSONValue) -> Value?
    ) throws -> Value? {
        guard let value = self[name] else {
            guard kind == .object else { throw ContractError(.wrongType, "\(path ?? "the value") must hold objects") }
            return nil
        }
        guard let typed = read(value) else {
            throw ContractError(.wrongType, "\(Self.field(name, path)) must be \(type)")
        }
        return typed
    }

    private func present<Value>(_ value: Value?, _ name: StaticString, _ path: String?) throws -> Value {
        guard let value else { throw ContractError(.missingField, "\(Self.field(name, path)) is missing") }
        return value
    }

    private static func field(_ name: StaticString, _ path: String?) -> String {
        (path.map { $0 + "." } ?? "") + name.description
    }
}
