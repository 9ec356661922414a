/// One value on simdjson's tape. Valid only inside `JSONDocument.read`.
/// - Source: simdjson, doc/tape.md
public struct JSONValue {
    let tape: UnsafePointer<UInt64>
    let strings: UnsafePointer<UInt8>
    let index: Int

    public enum Kind: Equatable { case object, array, string, integer, double, bool, null }

    public var kind: Kind {
        switch type {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "l"), UInt8(ascii: "u"): .integer
        case UInt8(ascii: "d"): .double
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        default: .null
        }
    }

    public var isNull: Bool { kind == .null }

    public var string: String? {
        guard kind == .string else { return nil }
        return String(decoding: stringBytes, as: UTF8.self)
    }

    public var bool: Bool? {
        switch type {
        case UInt8(ascii: "t"): true
        case UInt8(ascii: "f"): false
        default: nil
        }
    }

    /// - Returns: `nil` also for an unsigned integer above `Int.max`.
    public var integer: Int? {
        switch type {
        case UInt8(ascii: "l"): Int(bitPattern: UInt(tape[index + 1]))
        case UInt8(ascii: "u"): Int(exactly: tape[index + 1])
        default: nil
        }
    }

    /// An integer above `Int.max`.
    var unsigned: UInt64 { type == UInt8(ascii: "u") ? tape[index + 1] : 0 }

    public var double: Double? {
        switch type {
        case UInt8(ascii: "d"): Double(bitPattern: tape[index + 1])
        case UInt8(ascii: "u"): Double(tape[index + 1])
        default: integer.map(Double.init)
        }
    }

    /// Returns the value of a member. A repeated name gives the first value, and `null` gives `nil`.
    public subscript(_ name: StaticString) -> JSONValue? {
        guard kind == .object else { return nil }
        var cursor = index + 1
        while true {
            let key = JSONValue(tape: tape, strings: strings, index: cursor)
            guard key.type == UInt8(ascii: "\"") else { return nil }
            let value = JSONValue(tape: tape, strings: strings, index: cursor + 1)
            if key.isString(name) { return value.isNull ? nil : value }
            cursor = value.next
        }
    }

    /// Calls `body` for every member of an object, in document order. Does nothing for any other type.
    public func forEachMember(_ body: (String, JSONValue) throws -> Void) rethrows {
        guard kind == .object else { return }
        var cursor = index + 1
        while true {
            let key = JSONValue(tape: tape, strings: strings, index: cursor)
            guard let name = key.string else { return }
            let value = JSONValue(tape: tape, strings: strings, index: cursor + 1)
            try body(name, value)
            cursor = value.next
        }
    }

    /// - Returns: `nil` if the value is not an array.
    public func map<Element>(_ body: (JSONValue) throws -> Element) rethrows -> [Element]? {
        guard kind == .array else { return nil }
        var elements: [Element] = []
        var cursor = index + 1
        while true {
            let value = JSONValue(tape: tape, strings: strings, index: cursor)
            guard value.type != UInt8(ascii: "]") else { return elements }
            elements.append(try body(value))
            cursor = value.next
        }
    }

    private var type: UInt8 { UInt8(truncatingIfNeeded: tape[index] >> 56) }

    private var payload: UInt64 { tape[index] & 0x00FF_FFFF_FFFF_FFFF }

    private var stringBytes: UnsafeBufferPointer<UInt8> {
        let start = strings + Int(payload)
        let count = UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
        return UnsafeBufferPointer(start: start + 4, count: Int(count))
    }

    private func isString(_ name: StaticString) -> Bool {
        let bytes = stringBytes
        return bytes.count == name.utf8CodeUnitCount
            && bytes.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: bytes.count))
    }

    /// The start of the following value. Containers store their end in the low 32 bits, and numbers take two slots.
    private var next: Int {
        switch type {
        case UInt8(ascii: "{"), UInt8(ascii: "["): Int(UInt32(truncatingIfNeeded: payload))
        case UInt8(ascii: "l"), UInt8(ascii: "u"), UInt8(ascii: "d"): index + 2
        default: index + 1
        }
    }
}
