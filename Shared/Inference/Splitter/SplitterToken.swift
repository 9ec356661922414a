/// A word of a sentence, or a comma or semicolon, which are tokens of their own.
struct SplitterToken {
    /// Where it stands in the sentence.
    let bytes: Range<Int>
    /// Lower case, digits as `0`, without `.`, `?` and `!` at its end.
    let form: [UInt8]
    /// Its raw first byte's kind: `A`, `a`, `0`, or `-` for any other.
    let shape: UInt8

    static func all(in sentence: [UInt8]) -> [SplitterToken] {
        var tokens: [SplitterToken] = []
        var start: Int?
        func close(_ end: Int) {
            guard let first = start else { return }
            tokens.append(
                SplitterToken(bytes: first..<end, form: form(sentence[first..<end]), shape: shape(sentence[first])))
            start = nil
        }
        for (index, byte) in sentence.enumerated() {
            switch byte {
            case 0x09...0x0D, 0x20: close(index)
            case UInt8(ascii: ","), UInt8(ascii: ";"):
                close(index)
                start = index
                close(index + 1)
            default: start = start ?? index
            }
        }
        close(sentence.count)
        return tokens
    }

    private static func shape(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt8(ascii: "a")
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(ascii: "0")
        default: UInt8(ascii: "-")
        }
    }

    private static func form(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var form = bytes.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(ascii: "0")
            default: byte
            }
        }
        while form.count > 1, let last = form.last, ".?!".utf8.contains(last) { form.removeLast() }
        return form
    }
}
