/// Text from outside, made harmless for a terminal.
extension [UInt8] {
    /// UTF-8 in which control characters other than a newline, and characters that change the direction of text, are
    /// written as `\u001B`.
    ///
    /// In JSON these characters occur within strings only, and there the escape means the same.
    var escapingControls: [UInt8] {
        guard contains(where: Self.mayBegin) else { return self }
        var escaped: [UInt8] = []
        escaped.reserveCapacity(count)
        var index = startIndex
        while index < endIndex {
            if let (scalar, length) = control(at: index) {
                let digits = String(scalar, radix: 16, uppercase: true)
                escaped += Array("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
                index += length
            } else {
                escaped.append(self[index])
                index += 1
            }
        }
        return escaped
    }

    private static func mayBegin(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != 0x0A || byte == 0x7F || byte == 0xC2 || byte == 0xD8 || byte == 0xE2
    }

    /// - Source: Unicode, UAX 9 (directional formatting characters), chapter 23.1 (control codes)
    private func control(at index: Int) -> (scalar: UInt32, length: Int)? {
        func byte(_ offset: Int) -> UInt8 { index + offset < endIndex ? self[index + offset] : 0 }
        switch (self[index], byte(1), byte(2)) {
        case (0x0A, _, _): return nil
        case (0x00...0x1F, _, _), (0x7F, _, _): return (UInt32(self[index]), 1)
        // The second half of the control codes, which some terminals obey too.
        case (0xC2, 0x80...0x9F, _): return (UInt32(byte(1)), 2)
        case (0xD8, 0x9C, _): return (0x061C, 2)
        // Marks, line and paragraph separator, embeddings and overrides.
        case (0xE2, 0x80, 0x8E...0x8F), (0xE2, 0x80, 0xA8...0xAE): return (0x2000 + UInt32(byte(2) - 0x80), 3)
        // Isolates.
        case (0xE2, 0x81, 0xA6...0xA9): return (0x2040 + UInt32(byte(2) - 0x80), 3)
        default: return nil
        }
    }
}

extension String {
    /// One line without control characters, for a cell of a table.
    var visible: String {
        let escaped = String(decoding: Array(utf8).escapingControls, as: UTF8.self)
        return escaped.replacing("\n", with: "\\n")
    }
}
