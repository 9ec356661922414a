import Contracts

/// A value in PostgreSQL's binary format.
protocol PostgresValue {
    /// The object ids of the type and of its array type. They are fixed for built-in types.
    /// - Source: PostgreSQL, pg_type.dat
    static var typeID: UInt32 { get }
    static var arrayTypeID: UInt32 { get }

    func encode(into bytes: inout [UInt8])
}

extension Array<UInt8> {
    /// Network byte order.
    mutating func append(bigEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    mutating func replace(at offset: Int, bigEndian value: Int32) {
        Swift.withUnsafeBytes(of: value.bigEndian) { replaceSubrange(offset..<offset + 4, with: $0) }
    }
}

extension Int16: PostgresValue {
    static var typeID: UInt32 { 21 }
    static var arrayTypeID: UInt32 { 1005 }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: self) }
}

extension Int32: PostgresValue {
    static var typeID: UInt32 { 23 }
    static var arrayTypeID: UInt32 { 1007 }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: self) }
}

extension Int64: PostgresValue {
    static var typeID: UInt32 { 20 }
    static var arrayTypeID: UInt32 { 1016 }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: self) }
}

extension Double: PostgresValue {
    static var typeID: UInt32 { 701 }
    static var arrayTypeID: UInt32 { 1022 }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: bitPattern) }
}

extension Bool: PostgresValue {
    static var typeID: UInt32 { 16 }
    static var arrayTypeID: UInt32 { 1000 }
    func encode(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
}

extension String: PostgresValue {
    static var typeID: UInt32 { 25 }
    static var arrayTypeID: UInt32 { 1009 }
    func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
}

extension Timestamp: PostgresValue {
    static var typeID: UInt32 { 1184 }
    static var arrayTypeID: UInt32 { 1185 }

    /// PostgreSQL counts microseconds from 2000-01-01. This is that instant in milliseconds since 1970.
    static let postgresEpoch: Int64 = 946_684_800_000

    /// Clamps to the years 1 to 9999, which both PostgreSQL and RFC 3339 support.
    func encode(into bytes: inout [UInt8]) {
        let bounded = min(max(milliseconds, -62_135_596_800_000), Self.last.milliseconds)
        bytes.append(bigEndian: (bounded - Self.postgresEpoch) * 1000)
    }
}

/// The bytes of one JSON text.
struct JSONBytes: PostgresValue {
    let bytes: [UInt8]

    static var typeID: UInt32 { 114 }
    static var arrayTypeID: UInt32 { 199 }
    func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: self.bytes) }
}

/// `bytea`
struct Blob: PostgresValue {
    let bytes: [UInt8]

    static var typeID: UInt32 { 17 }
    static var arrayTypeID: UInt32 { 1001 }
    func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: self.bytes) }
}

/// One column of many rows, encoded directly as the binary array that `unnest` takes.
///
/// The binary format needs no quoting, and the server copies it instead of parsing.
struct PostgresArray<Element: PostgresValue> {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    /// - Source: PostgreSQL, arrayfuncs.c, array_recv: dimensions, has-nulls flag, element type; length and lower bound
    init(reservingCapacity capacity: Int = 0) {
        bytes.reserveCapacity(20 + capacity * 20)
        bytes.append(bigEndian: Int32(1))
        bytes.append(bigEndian: Int32(1))
        bytes.append(bigEndian: Element.typeID)
        bytes.append(bigEndian: Int32(0))
        bytes.append(bigEndian: Int32(1))
    }

    init(_ elements: some Collection<Element>) {
        self.init(reservingCapacity: elements.count)
        for element in elements { append(element) }
    }

    mutating func append(_ element: Element) {
        let start = bytes.count
        bytes.append(bigEndian: Int32(0))
        element.encode(into: &bytes)
        bytes.replace(at: start, bigEndian: Int32(bytes.count - start - 4))
        count += 1
    }

    mutating func append(_ element: Element?) {
        if let element { return append(element) }
        bytes.append(bigEndian: Int32(-1))
        count += 1
    }

}
