/// FNV-1a in 32 bits over a feature's bytes, which are never put together.
struct FeatureHash: ExpressibleByStringLiteral {
    private(set) var value: UInt32 = 2_166_136_261

    init(stringLiteral text: StaticString) {
        text.withUTF8Buffer { for byte in $0 { add(byte) } }
    }

    static func + (hash: FeatureHash, text: StaticString) -> FeatureHash {
        var hash = hash
        text.withUTF8Buffer { for byte in $0 { hash.add(byte) } }
        return hash
    }

    static func + (hash: FeatureHash, bytes: [UInt8]) -> FeatureHash {
        var hash = hash
        for byte in bytes { hash.add(byte) }
        return hash
    }

    /// - Shape: a number of at most two decimal digits.
    static func + (hash: FeatureHash, number: Int) -> FeatureHash {
        var hash = hash
        if number > 9 { hash.add(UInt8(ascii: "0") + UInt8(number / 10)) }
        hash.add(UInt8(ascii: "0") + UInt8(number % 10))
        return hash
    }

    private mutating func add(_ byte: UInt8) { value = (value ^ UInt32(byte)) &* 16_777_619 }
}
