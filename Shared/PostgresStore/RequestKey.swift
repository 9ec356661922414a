import Contracts

/// A request's id as 16 bytes: what the database stores, compares and is asked for.
struct RequestKey: Hashable, Comparable, Sendable {
    let value: UInt128

    init(_ id: Request.ID) {
        value = id.description.utf8.reduce(UInt128(0)) { value, byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value << 4 | UInt128(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value << 4 | UInt128(byte - UInt8(ascii: "a") + 10)
            default: value
            }
        }
    }

    /// - Parameter bytes: 16 of them, in network order.
    init(_ bytes: UnsafeRawBufferPointer) { value = UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self)) }

    static func < (left: RequestKey, right: RequestKey) -> Bool { left.value < right.value }

    /// - Returns: always an id: 32 hexadecimal digits and four hyphens are one.
    var id: Request.ID? {
        let digits = Array("0123456789abcdef".utf8)
        var text = ""
        text.reserveCapacity(36)
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text += "-" }
            let digit = Int(truncatingIfNeeded: value >> UInt128(124 - 4 * index)) & 15
            text.unicodeScalars.append(UnicodeScalar(digits[digit]))
        }
        return Request.ID(text)
    }
}

extension RequestKey: PostgresValue {
    static var typeID: UInt32 { 2950 }
    static var arrayTypeID: UInt32 { 2951 }
    func encode(into bytes: inout [UInt8]) { bytes.append(bigEndian: value) }
}
