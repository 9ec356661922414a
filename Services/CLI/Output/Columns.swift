/// Text on a terminal, where a character takes one column or two.
extension String {
    var columns: Int { reduce(0) { $0 + $1.columns } }

    func padded(to width: Int, isNumber: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - columns))
        return isNumber ? space + self : self + space
    }

    /// One line of at most `width` columns.
    func shortened(to width: Int) -> String {
        let line = String(map { $0.isNewline ? " " : $0 })
        guard line.columns > width else { return line }
        var (kept, taken) = ("", 0)
        for character in line {
            taken += character.columns
            guard taken < width else { break }
            kept.append(character)
        }
        return kept + "…"
    }

    /// Lines of at most `width` columns, broken after a space or an underscore where there is one.
    func wrapped(to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for piece in pieces {
            if !line.isEmpty, line.columns + piece.trimmingTrailingSpaces.columns > width {
                lines.append(line.trimmingTrailingSpaces)
                line = ""
            }
            line += piece
            while line.trimmingTrailingSpaces.columns > width {
                var (head, taken) = ("", 0)
                for character in line {
                    taken += character.columns
                    guard taken <= width || head.isEmpty else { break }
                    head.append(character)
                }
                lines.append(head)
                line.removeFirst(head.count)
            }
        }
        lines.append(line.trimmingTrailingSpaces)
        return lines
    }

    /// Columns of the longest piece that is not broken.
    var longestPiece: Int { pieces.map(\.trimmingTrailingSpaces.columns).max() ?? 0 }

    var trimmingTrailingSpaces: String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Words with the spaces that follow them, and names cut after each underscore.
    private var pieces: [String] {
        var pieces: [String] = []
        var piece = ""
        for character in self {
            if let last = piece.last, last == " " && character != " " || last == "_" {
                pieces.append(piece)
                piece = ""
            }
            piece.append(character)
        }
        return pieces + (piece.isEmpty ? [] : [piece])
    }
}

extension Character {
    /// - Source: Unicode, UAX 11 (East Asian width); the blocks whose characters are wide or full-width
    var columns: Int {
        guard let scalar = unicodeScalars.first, scalar.value >= 0x1100 else { return 1 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF,
            0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}
