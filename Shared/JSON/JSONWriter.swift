/// Writes compact JSON directly into bytes. Objects and arrays are closures, so no bracket can be left open.
public struct JSONWriter {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(reservingCapacity capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        try container(UInt8(ascii: "{"), UInt8(ascii: "}"), body)
    }

    public mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        try container(UInt8(ascii: "["), UInt8(ascii: "]"), body)
    }

    public mutating func array<Element>(
        _ elements: some Sequence<Element>, _ body: (inout JSONWriter, Element) throws -> Void
    ) rethrows {
        try array { writer in for element in elements { try body(&writer, element) } }
    }

    public mutating func name(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func string(_ value: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { utf8 in
            var start = 0
            for index in utf8.indices where Self.needsEscape(utf8[index]) {
                bytes.append(contentsOf: utf8[start..<index])
                escape(utf8[index])
                start = index + 1
            }
            bytes.append(contentsOf: utf8[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func integer(_ value: some BinaryInteger) {
        guard let word = Int(exactly: value) else { return raw("\(value)") }
        separate()
        if word < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(word.magnitude)
    }

    public mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    public mutating func null() { raw("null") }

    /// JSON has no infinity and no NaN, so they become `null`.
    public mutating func double(_ value: Double) { raw(value.isFinite ? "\(value)" : "null") }

    /// Writes a probability with six decimals, more than a quantized model can distinguish.
    public mutating func probability(_ value: Double) {
        guard value.isFinite else { return null() }
        double((value * 1e6).rounded() / 1e6)
    }

    /// Writes text that is already one JSON value.
    public mutating func raw(_ json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
    }

    private mutating func container(
        _ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) throws -> Void
    ) rethrows {
        separate()
        bytes.append(open)
        needsComma = false
        try body(&self)
        bytes.append(close)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Writes digits backwards into a scratch buffer, because the hot path must not create strings.
    private mutating func digits(_ value: UInt) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { scratch in
            var (start, rest) = (scratch.count, value)
            repeat {
                start -= 1
                scratch[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            bytes.append(contentsOf: scratch[start...])
        }
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
        default:
            bytes.append(contentsOf: "\\u00".utf8)
            for digit in [byte >> 4, byte & 15] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }
}

extension JSONWriter {
    public mutating func member(_ name: String, _ value: String?) { optional(name, value) { $0.string($1) } }

    public mutating func member(_ name: String, _ value: some BinaryInteger) {
        self.name(name)
        integer(value)
    }

    public mutating func member(_ name: String, _ value: Bool) {
        self.name(name)
        bool(value)
    }

    /// Writes nothing if `value` is `nil`: absent and null mean the same in every contract.
    public mutating func optional<Value>(_ name: String, _ value: Value?, _ body: (inout JSONWriter, Value) -> Void) {
        guard let value else { return }
        self.name(name)
        body(&self, value)
    }
}

extension JSONWriter {
    /// Writes a value as it was read. Only white space and the notation of numbers and escapes may differ.
    public mutating func value(_ value: JSONValue) {
        switch value.kind {
        case .object:
            object { writer in
                value.forEachMember { name, member in
                    writer.name(name)
                    writer.value(member)
                }
            }
        case .array: array { writer in _ = value.map { writer.value($0) } }
        case .string: string(value.string ?? "")
        case .integer:
            if let integer = value.integer { self.integer(integer) } else { self.integer(value.unsigned) }
        case .double: double(value.double ?? 0)
        case .bool: bool(value.bool ?? false)
        case .null: null()
        }
    }
}
