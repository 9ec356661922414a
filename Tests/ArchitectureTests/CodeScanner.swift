/// Keeps only the code of Swift source: comments and the text of literals become spaces, and line numbers do not
/// change.
struct CodeScanner {
    private let source: [UInt8]
    private var index = 0
    private var code: [UInt8] = []

    static func code(of text: String) -> String {
        var scanner = CodeScanner(source: Array(text.utf8))
        scanner.scanCode(untilParenthesis: false)
        return String(decoding: scanner.code, as: UTF8.self)
    }

    private init(source: [UInt8]) { self.source = source }

    /// Scans to the end, or to the parenthesis that closes an interpolation.
    private mutating func scanCode(untilParenthesis: Bool) {
        var depth = 0
        while index < source.count {
            if starts("//") {
                while index < source.count, source[index] != UInt8(ascii: "\n") { blank() }
            } else if starts("/*") {
                scanComment()
            } else if let hashes = literalHashes() {
                scanLiteral(hashes: hashes)
            } else {
                if source[index] == UInt8(ascii: "(") { depth += 1 }
                if source[index] == UInt8(ascii: ")") {
                    if untilParenthesis, depth == 0 { return }
                    depth -= 1
                }
                keep()
            }
        }
    }

    private mutating func scanComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                blank(2)
            } else if starts("*/") {
                depth -= 1
                blank(2)
            } else {
                blank()
            }
        } while depth > 0 && index < source.count
    }

    private mutating func scanLiteral(hashes: Int) {
        let guardText = String(repeating: "#", count: hashes)
        blank(hashes)
        let quote = starts("\"\"\"") ? "\"\"\"" : "\""
        blank(quote.utf8.count)
        while index < source.count, !starts(quote + guardText) {
            if starts("\\" + guardText + "(") {
                blank(hashes + 2)
                scanCode(untilParenthesis: true)
                blank()
            } else if starts("\\" + guardText) {
                blank(hashes + 2)
            } else {
                blank()
            }
        }
        blank(quote.utf8.count + hashes)
    }

    /// The number of `#` before the quote of a literal that begins here.
    private func literalHashes() -> Int? {
        let hashes = source[index...].prefix { $0 == UInt8(ascii: "#") }.count
        let quote = index + hashes
        return quote < source.count && source[quote] == UInt8(ascii: "\"") ? hashes : nil
    }

    private func starts(_ text: String) -> Bool { source[index...].starts(with: text.utf8) }

    private mutating func keep() {
        code.append(source[index])
        index += 1
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where index < source.count {
            code.append(source[index] == UInt8(ascii: "\n") ? source[index] : UInt8(ascii: " "))
            index += 1
        }
    }
}
