/// What the tokenizer does with an ASCII byte.
enum ASCIIClass: UInt8 {
    case letter, capital, space, punctuation
    /// A control character other than tab, line feed and carriage return.
    case dropped

    @inline(__always)
    static func of(_ byte: UInt8) -> ASCIIClass {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): .letter
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): .capital
        case 0x20, 0x09, 0x0A, 0x0D: .space
        case ..<0x20, 0x7F: .dropped
        default: .punctuation
        }
    }
}
