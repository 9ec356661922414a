import Contracts
import JSON

extension CatalogFile {
    /// Returns the capability as a file for people: the members of the canonical form, each on a line.
    /// - Parameter schema: the reference to the schema for editors, which is no part of the catalog.
    public static func writeReadable(_ capability: CapabilityDescription, schema: String? = nil) -> [UInt8] {
        var compact = write(capability)
        if let schema {
            var writer = JSONWriter()
            writer.object { $0.member("$schema", schema) }
            compact = writer.bytes.dropLast() + [UInt8(ascii: ",")] + compact.dropFirst()
        }
        return indented(compact) + [UInt8(ascii: "\n")]
    }

    /// Breaks the lines of compact JSON.
    private static func indented(_ compact: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var depth = 0, isString = false, isEscaped = false
        func newLine(_ depth: Int) -> [UInt8] { [UInt8(ascii: "\n")] + [UInt8](repeating: 0x20, count: 2 * depth) }
        for byte in compact {
            guard !isString else {
                text.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                text += [byte] + newLine(depth)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                text += newLine(depth) + [byte]
            case UInt8(ascii: ","): text += [byte] + newLine(depth)
            case UInt8(ascii: ":"): text += [byte, 0x20]
            default:
                isString = byte == UInt8(ascii: "\"")
                text.append(byte)
            }
        }
        return text
    }
}
