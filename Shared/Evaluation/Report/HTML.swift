import Contracts

/// HTML or SVG. A literal is markup. Interpolated text is escaped here and nowhere else.
struct HTML: ExpressibleByStringInterpolation {
    let text: String

    init(stringLiteral text: String) { self.text = text }

    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(2 * literalCapacity) }

        mutating func appendLiteral(_ markup: String) { text += markup }

        mutating func appendInterpolation(_ html: HTML) { text += html.text }

        mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { text += part.text } }

        mutating func appendInterpolation(_ number: Int) { text += "\(number)" }

        /// A number of a drawing. Two decimals are finer than a pixel.
        mutating func appendInterpolation(_ number: Double) {
            let rounded = (number * 100).rounded() / 100
            text += rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
        }

        mutating func appendInterpolation(_ text: String) {
            for character in text.unicodeScalars {
                switch character {
                case "&": self.text += "&amp;"
                case "<": self.text += "&lt;"
                case ">": self.text += "&gt;"
                case "\"": self.text += "&quot;"
                case "'": self.text += "&#39;"
                // XML 1.0, section 2.2: a document may not contain these characters.
                case "\u{0}"..."\u{8}", "\u{B}", "\u{C}", "\u{E}"..."\u{1F}": self.text += "\u{FFFD}"
                default: self.text.unicodeScalars.append(character)
                }
            }
        }
    }
}

/// Writes figures for people.
enum Markup {
    /// `97.3%`
    static func percent(_ share: Double) -> String { share.isNaN ? "–" : share.percent + "%" }

    /// `97.3%` and, in small print, `96.6 to 97.8`
    static func interval(_ figure: Figure) -> HTML {
        guard !figure.value.isNaN else { return "–" }
        return "<b>\(percent(figure.value))</b> <small>\(range(figure) { $0.percent })</small>"
    }

    static func range(_ figure: Figure, _ text: (Double) -> String) -> String {
        "\(text(figure.low)) to \(text(figure.high))"
    }

    /// USD with four significant digits.
    static func dollars(_ amount: Double) -> String {
        guard amount.isFinite, amount != 0 else { return amount == 0 ? "0" : "–" }
        var digits = 3
        var size = abs(amount)
        while size >= 10 {
            size /= 10
            digits -= 1
        }
        while size < 1, digits < 12 {
            size *= 10
            digits += 1
        }
        return fixed(amount, digits: max(0, digits))
    }

    static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = PicoDollars(rounding: abs(value) * scale).amount
        let whole = scaled / Int64(scale), rest = scaled % Int64(scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + "\(whole)" }
        let decimals = "\(rest)"
        return sign + "\(whole)." + String(repeating: "0", count: digits - decimals.count) + decimals
    }
}
