extension Request {
    /// Winnow's own id of an accepted request: a UUID version 7, so that ids sort, and partition, by time.
    /// - Source: RFC 9562, section 5.7
    public struct ID: Hashable, Comparable, Sendable, CustomStringConvertible {
        /// The lower-case 36-character form.
        public let description: String

        /// - Returns: `nil` unless `text` is a UUID in its 36-character form.
        public init?(_ text: some StringProtocol) {
            let bytes = Array(text.utf8)
            guard bytes.count == 36 else { return nil }
            for (index, byte) in bytes.enumerated() {
                switch index {
                case 8, 13, 18, 23: guard byte == UInt8(ascii: "-") else { return nil }
                default: guard Character(UnicodeScalar(byte)).isHexDigit else { return nil }
                }
            }
            description = text.lowercased()
        }

        /// A new id for a request accepted at `time`.
        public init(
            acceptedAt time: Timestamp = .now, using generator: inout some RandomNumberGenerator
        ) {
            let high = UInt64(time.milliseconds) << 16 | 0x7000 | UInt64.random(in: 0...0xFFF, using: &generator)
            self.init(high, generator.next())
        }

        /// The id of a result that no request is stored for: the same for the same digest, and of version 8, so that it is
        /// none of a stored request.
        public init(digest: UInt128) {
            self.init(UInt64(truncatingIfNeeded: digest >> 64) & ~0xF000 | 0x8000, UInt64(truncatingIfNeeded: digest))
        }

        private init(_ high: UInt64, _ low: UInt64) {
            let digits = Self.hex(high) + Self.hex(low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
            var text = ""
            text.reserveCapacity(36)
            for (index, digit) in digits.enumerated() {
                if [8, 12, 16, 20].contains(index) { text += "-" }
                text.unicodeScalars.append(UnicodeScalar(digit))
            }
            description = text
        }

        public static func < (left: ID, right: ID) -> Bool { left.description < right.description }

        private static func hex(_ value: UInt64) -> [UInt8] {
            let digits = Array("0123456789abcdef".utf8)
            return (0..<16).map { digits[Int(value >> UInt64(60 - 4 * $0) & 15)] }
        }
    }
}
