/// A field is missing or has the wrong type. The message names the field and never quotes its value.
public struct JSONFieldError: Error, Equatable, CustomStringConvertible {
    public enum Code: Sendable { case missing, wrongType }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// Typed access to a value. The error names the value by `path`.
extension JSONValue {
    public func text(at path: String) throws(JSONFieldError) -> String { try typed(string, path, "a string") }

    public func integer(at path: String) throws(JSONFieldError) -> Int { try typed(integer, path, "a whole number") }

    public func number(at path: String) throws(JSONFieldError) -> Double { try typed(double, path, "a number") }

    public func elements(at path: String) throws(JSONFieldError) -> [JSONValue] {
        try typed(map { $0 }, path, "an array")
    }

    private func typed<Value>(
        _ value: Value?, _ path: @autoclosure () -> String, _ type: StaticString
    ) throws(JSONFieldError) -> Value {
        guard let value else { throw JSONFieldError(.wrongType, "\(path()) must be \(type)") }
        return value
    }
}

/// Typed access to the members of an object. An absent member and `null` give `nil`, or an error if the member is
/// required.
///
/// - Parameter path: where the object is; `nil` for the root.
extension JSONValue {
    public func text(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> String? {
        guard let member = try member(name, in: path) else { return nil }
        return try typed(member.string, Self.path(of: name, in: path), "a string")
    }

    public func integer(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> Int? {
        guard let member = try member(name, in: path) else { return nil }
        return try typed(member.integer, Self.path(of: name, in: path), "a whole number")
    }

    public func number(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> Double? {
        guard let member = try member(name, in: path) else { return nil }
        return try typed(member.double, Self.path(of: name, in: path), "a number")
    }

    /// - Throws: `JSONFieldError` also for a number outside `range`.
    public func integer(
        _ name: StaticString, in path: String? = nil, within range: ClosedRange<Int>
    ) throws(JSONFieldError) -> Int? {
        guard let number = try integer(name, in: path) else { return nil }
        guard range.contains(number) else {
            let field = Self.path(of: name, in: path)
            throw JSONFieldError(
                .wrongType, "\(field) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Treats an absent list as an empty one.
    public func list<Element>(
        _ name: StaticString, in path: String? = nil, _ body: (JSONValue) throws -> Element
    ) throws -> [Element] {
        guard let member = try member(name, in: path) else { return [] }
        return try typed(try member.map(body), Self.path(of: name, in: path), "an array")
    }

    public func required(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> String {
        try present(try text(name, in: path), name, path)
    }

    public func requiredInteger(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> Int {
        try present(try integer(name, in: path), name, path)
    }

    public func requiredInteger(
        _ name: StaticString, in path: String? = nil, within range: ClosedRange<Int>
    ) throws(JSONFieldError) -> Int {
        try present(try integer(name, in: path, within: range), name, path)
    }

    public func requiredNumber(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> Double {
        try present(try number(name, in: path), name, path)
    }

    public func requiredMember(_ name: StaticString, in path: String? = nil) throws(JSONFieldError) -> JSONValue {
        try present(try member(name, in: path), name, path)
    }

    /// The path of a member, as errors name it.
    public static func path(of name: StaticString, in path: String?) -> String {
        path.map { "\($0).\(name)" } ?? name.description
    }

    private func member(_ name: StaticString, in path: String?) throws(JSONFieldError) -> JSONValue? {
        if let value = self[name] { return value }
        guard kind == .object else {
            throw JSONFieldError(.wrongType, "\(path ?? "the value") must hold objects")
        }
        return nil
    }

    private func present<Value>(
        _ value: Value?, _ name: StaticString, _ path: String?
    ) throws(JSONFieldError) -> Value {
        guard let value else { throw JSONFieldError(.missing, "\(Self.path(of: name, in: path)) is missing") }
        return value
    }
}
