import JSON

extension Certificate {
    /// 16 hexadecimal digits, short enough to be typed.
    public struct ID: Hashable, Comparable, Sendable, CustomStringConvertible {
        public let description: String

        /// - Returns: `nil` unless `text` is 16 lower-case hexadecimal digits.
        public init?(_ text: String) {
            guard text.utf8.count == 16, text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else { return nil }
            description = text
        }

        public init(using generator: inout some RandomNumberGenerator) {
            let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
            description = String(repeating: "0", count: 16 - digits.count) + digits
        }

        public static func < (left: ID, right: ID) -> Bool { left.description < right.description }
    }
}
