import JSON

extension Instance {
    /// The name of one process of the suite, unique among those of a day.
    public struct ID: Hashable, Comparable, Sendable, CustomStringConvertible {
        public let description: String

        /// - Returns: `nil` unless `text` is 1 to 128 ASCII letters, digits, `.`, `-`, `_` or `:`.
        public init?(_ text: String) {
            let isGood = text.utf8.allSatisfy { byte in
                let scalar = UnicodeScalar(byte)
                return scalar.properties.isAlphabetic && scalar.isASCII || ("0"..."9").contains(scalar)
                    || ".-_:".unicodeScalars.contains(scalar)
            }
            guard (1...128).contains(text.utf8.count), isGood else { return nil }
            description = text
        }

        /// A new one: 16 hexadecimal digits, short enough to be typed.
        public init(using generator: inout some RandomNumberGenerator) {
            let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
            description = String(repeating: "0", count: 16 - digits.count) + digits
        }

        public static func < (left: ID, right: ID) -> Bool { left.description < right.description }

        init(json body: JSONValue) throws {
            guard let id = ID(try body.required("instance")) else {
                throw ContractError(.wrongType, "instance is no instance's id")
            }
            self = id
        }
    }
}
