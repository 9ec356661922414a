/// The hash that Kafka's clients use to choose the partition of a key.
/// - Source: Apache Kafka, org.apache.kafka.common.utils.Utils.murmur2
public enum Murmur2 {
    public static func partition(_ key: [UInt8], of count: Int) -> Int { Int(hash(key) & 0x7FFF_FFFF) % count }

    static func hash(_ bytes: [UInt8]) -> UInt32 {
        let multiplier: UInt32 = 0x5BD1_E995
        var hash = 0x9747_B28C ^ UInt32(truncatingIfNeeded: bytes.count)
        var index = 0
        while index + 4 <= bytes.count {
            var word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
            word &*= multiplier
            word ^= word >> 24
            word &*= multiplier
            hash = hash &* multiplier ^ word
            index += 4
        }
        let rest = bytes[index...]
        if !rest.isEmpty {
            for (place, byte) in rest.enumerated() { hash ^= UInt32(byte) << UInt32(8 * place) }
            hash &*= multiplier
        }
        hash ^= hash >> 13
        hash &*= multiplier
        return hash ^ hash >> 15
    }
}
