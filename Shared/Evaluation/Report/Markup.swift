import Contracts

/// Builds HTML and SVG as text. All text from outside goes through `escaped`.
enum Markup {
    static func escaped(_ text: String) -> String {
        var out = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            // XML 1.0, section 2.2: a document may not contain these characters.
            case "\u{0}"..."\u{8}", "\u{B}", "\u{C}", "\u{E}"..."\u{1F}": out += "\u{FFFD}"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }

    /// Formats a number of a drawing. Two decimals are finer than a pixel.
    static func number(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }

    /// `97.3%`
    static func percent(_ share: Double) -> String { share.isNaN ? "–" : share.percent + "%" }

    /// `97.3%` and, in small print, `96.6 to 97.8`
    static func interval(_ figure: Figure) -> String {
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

/// A drawing area whose axes show 0 to 1 or a part of it.
struct Plot {
    let width: Double
    let height: Double
    let x: ClosedRange<Double>
    let y: ClosedRange<Double>
    private var shapes: [String] = []

    private static let left = 44.0
    private static let right = 12.0
    private static let top = 10.0
    private static let bottom = 38.0

    init(width: Double = 320, height: Double = 260, x: ClosedRange<Double>, y: ClosedRange<Double>) {
        (self.width, self.height, self.x, self.y) = (width, height, x, y)
    }

    func place(_ px: Double, _ py: Double) -> (x: Double, y: Double) {
        let share = (
            (px - x.lowerBound) / (x.upperBound - x.lowerBound), (py - y.lowerBound) / (y.upperBound - y.lowerBound)
        )
        return (
            Self.left + share.0 * (width - Self.left - Self.right),
            height - Self.bottom - share.1 * (height - Self.top - Self.bottom)
        )
    }

    mutating func line(_ points: [(Double, Double)], _ style: String) {
        let path = points.map { point in
            let place = place(point.0, point.1)
            return "\(Markup.number(place.x)),\(Markup.number(place.y))"
        }
        shapes.append("<polyline class=\"\(style)\" points=\"\(path.joined(separator: " "))\"/>")
    }

    mutating func dot(_ px: Double, _ py: Double, _ style: String, radius: Double = 4) {
        let place = place(px, py)
        shapes.append(
            "<circle class=\"\(style)\" cx=\"\(Markup.number(place.x))\" cy=\"\(Markup.number(place.y))\" r=\"\(Markup.number(radius))\"/>"
        )
    }

    mutating func text(
        _ px: Double, _ py: Double, _ words: String, dx: Double = 0, dy: Double = 0, _ anchor: String = "start"
    ) {
        let place = place(px, py)
        shapes.append(
            "<text class=\"label\" x=\"\(Markup.number(place.x + dx))\" y=\"\(Markup.number(place.y + dy))\" text-anchor=\"\(anchor)\">\(Markup.escaped(words))</text>"
        )
    }

    /// - Parameters:
    ///   - title: the name for screen readers.
    ///   - style: the CSS class.
    ///   - ticks: the ticks of both axes, in shares.
    func svg(
        title: String, style: String = "", description: String, xLabel: String, yLabel: String, xTicks: [Double],
        yTicks: [Double]
    ) -> String {
        var axes = ""
        for tick in yTicks {
            let (start, end) = (place(x.lowerBound, tick), place(x.upperBound, tick))
            axes +=
                "<line class=\"grid\" x1=\"\(Markup.number(start.x))\" y1=\"\(Markup.number(start.y))\" x2=\"\(Markup.number(end.x))\" y2=\"\(Markup.number(end.y))\"/>"
                + "<text class=\"tick\" x=\"\(Markup.number(start.x - 6))\" y=\"\(Markup.number(start.y + 3.5))\" text-anchor=\"end\">\(Self.tick(tick))</text>"
        }
        for tick in xTicks {
            let at = place(tick, y.lowerBound)
            axes +=
                "<text class=\"tick\" x=\"\(Markup.number(at.x))\" y=\"\(Markup.number(at.y + 15))\" text-anchor=\"middle\">\(Self.tick(tick))</text>"
        }
        let middle = (Self.left + width - Self.right) / 2
        axes +=
            "<text class=\"axis\" x=\"\(Markup.number(middle))\" y=\"\(Markup.number(height - 6))\" text-anchor=\"middle\">\(Markup.escaped(xLabel))</text>"
            + "<text class=\"axis\" x=\"\(Markup.number(-(Self.top + height - Self.bottom) / 2))\" y=\"11\" text-anchor=\"middle\" transform=\"rotate(-90)\">\(Markup.escaped(yLabel))</text>"
        return
            "<svg class=\"\(style)\" viewBox=\"0 0 \(Markup.number(width)) \(Markup.number(height))\" role=\"img\" aria-label=\"\(Markup.escaped(title))\">"
            + "<title>\(Markup.escaped(title))</title><desc>\(Markup.escaped(description))</desc>"
            + axes + shapes.joined() + "</svg>"
    }

    private static func tick(_ share: Double) -> String {
        let percent = (share * 1000).rounded() / 10
        return percent == percent.rounded() ? "\(Int(percent))" : "\(percent)"
    }
}
