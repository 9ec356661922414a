/// Draws the charts of a report.
enum ReportCharts {
    static func mix(_ tasks: [Report.Part]) -> HTML {
        let most = Double(max(1, tasks.map(\.items).max() ?? 1))
        // Each name stands above its bar, so that a phone screen has room for both.
        let row = 42.0
        let height = row * Double(tasks.count) + 4
        let bars = tasks.enumerated().map { index, task -> HTML in
            let y = Double(index) * row + 4
            let width = max(1, 340 * Double(task.items) / most)
            let escalated = width * min(1, task.escalation.value)
            return """
                <text class="label" x="0" y="\(y + 12)">\(task.name)</text>\
                <rect class="small-fill" x="0" y="\(y + 17)" width="\(width)" height="14"/>\
                <rect class="full-fill" x="\(width - escalated)" y="\(y + 17)" width="\(escalated)" height="14"/>\
                <text class="label" x="\(width + 8)" y="\(y + 28.5)">\(task.items)</text>
                """
        }
        return """
            <svg class="mix" viewBox="0 0 400 \(height)" role="img" aria-label="Items of each task"><title>Items of each task</title>\
            <desc>One bar for each task. Its length is the number of items, and its right end the items that the full model answered.</desc>\
            \(bars)</svg>
            """
    }

    static func reliability(_ task: Report.Part) -> HTML {
        let bins = task.reliability.bins
        let least = bins.flatMap { [$0.confidence, $0.agreement, $0.accuracy] }.min() ?? 0
        // Most items of a confident model are in one corner, so the axes begin near it.
        let from = least > 0.8 ? 0.8 : least > 0.5 ? 0.5 : 0
        var plot = Plot(x: from...1, y: from...1)
        plot.line([(from, from), (1, 1)], "guide")
        plot.line(bins.map { ($0.confidence, $0.accuracy) }, "quiet-line")
        plot.line(bins.map { ($0.confidence, $0.agreement) }, "small-line")
        for bin in bins { plot.dot(bin.confidence, bin.agreement, "small-fill", radius: 3.5) }
        let ticks = stride(from: from, through: 1.0001, by: from == 0.8 ? 0.05 : from == 0.5 ? 0.1 : 0.2).map(\.self)
        return plot.svg(
            title: "\(task.name): confidence and agreement",
            description: bins.map {
                "\(Markup.percent($0.confidence)) sure: \(Markup.percent($0.agreement)) agree, \(Markup.percent($0.accuracy)) right, \($0.items) items"
            }.joined(separator: "; "),
            xLabel: "confidence, %", yLabel: "share of answers, %", xTicks: ticks, yTicks: ticks)
    }

    static func curve(_ part: Report.Part, wide: Bool = false) -> HTML {
        let points = part.curve.points
        let least = min(points.flatMap { [$0.agreement, $0.accuracy] }.min() ?? 0, part.agreement.value)
        let step = least > 0.95 ? 0.01 : least > 0.9 ? 0.02 : least > 0.75 ? 0.05 : 0.1
        // A task with full agreement also needs an axis of some length.
        let from = max(0, min(1 - step, (least / step).rounded(.down) * step))
        // The small and the full model together take a little more than the full model alone.
        let most = max(1, points.last?.computeShare ?? 1, part.computeShare.value)
        var plot = Plot(width: wide ? 560 : 320, height: wide ? 340 : 260, x: 0...(most * 1.02), y: from...1)
        if let first = points.first, let last = points.last {
            plot.line([(first.computeShare, first.agreement), (last.computeShare, last.agreement)], "guide")
            plot.line(points.map { ($0.computeShare, $0.accuracy) }, "pale-line")
            plot.line(points.map { ($0.computeShare, $0.agreement) }, "suite-line")
            plot.dot(first.computeShare, first.agreement, "small-fill")
            plot.dot(1, 1, "full-fill")
        }
        // This dot is drawn last and hollow, so that it does not hide the full model's dot at the same place.
        plot.dot(part.computeShare.value, part.agreement.value, "suite-ring", radius: 6)
        if wide, let first = points.first {
            plot.text(first.computeShare, first.agreement, "always the small model", dx: 9, dy: 4)
            plot.text(1, 1, "always the full model", dx: -9, dy: 16, "end")
            let isRight = part.computeShare.value > 0.6
            plot.text(
                part.computeShare.value, part.agreement.value, "Winnow, as it ran", dx: isRight ? -10 : 10, dy: 16,
                isRight ? "end" : "start")
            let middle = (first.computeShare + most) / 2
            plot.text(middle, (first.agreement + 1) / 2, "escalated at random", dx: 8, dy: 12)
        }
        return plot.svg(
            title: "\(part.name): compute, agreement and accuracy", style: wide ? "overall" : "",
            description:
                "As it ran: \(Markup.percent(part.agreement.value)) agreement for \(Markup.percent(part.computeShare.value)) of the full model's compute.",
            xLabel: "share of the full model's compute, %", yLabel: "share of answers, %",
            xTicks: [0, 0.25, 0.5, 0.75, 1],
            yTicks: stride(from: from, through: 1.0001, by: step).map(\.self))
    }
}

/// A drawing area whose axes show 0 to 1 or a part of it.
struct Plot {
    let width: Double
    let height: Double
    let x: ClosedRange<Double>
    let y: ClosedRange<Double>
    private var shapes: [HTML] = []

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
        let path = points.enumerated().map { index, point -> HTML in
            let place = place(point.0, point.1)
            return "\(index == 0 ? "" : " ")\(place.x),\(place.y)"
        }
        shapes.append(#"<polyline class="\#(style)" points="\#(path)"/>"#)
    }

    mutating func dot(_ px: Double, _ py: Double, _ style: String, radius: Double = 4) {
        let place = place(px, py)
        shapes.append(#"<circle class="\#(style)" cx="\#(place.x)" cy="\#(place.y)" r="\#(radius)"/>"#)
    }

    mutating func text(
        _ px: Double, _ py: Double, _ words: String, dx: Double = 0, dy: Double = 0, _ anchor: String = "start"
    ) {
        let place = place(px, py)
        shapes.append(
            """
            <text class="label" x="\(place.x + dx)" y="\(place.y + dy)" text-anchor="\(anchor)">\(words)</text>
            """)
    }

    /// - Parameters:
    ///   - title: the name for screen readers.
    ///   - style: the CSS class.
    ///   - ticks: the ticks of both axes, in shares.
    func svg(
        title: String, style: String = "", description: String, xLabel: String, yLabel: String, xTicks: [Double],
        yTicks: [Double]
    ) -> HTML {
        let rows = yTicks.map { tick -> HTML in
            let (start, end) = (place(x.lowerBound, tick), place(x.upperBound, tick))
            return """
                <line class="grid" x1="\(start.x)" y1="\(start.y)" x2="\(end.x)" y2="\(end.y)"/>\
                <text class="tick" x="\(start.x - 6)" y="\(start.y + 3.5)" text-anchor="end">\(Self.tick(tick))</text>
                """
        }
        let columns = xTicks.map { tick -> HTML in
            let at = place(tick, y.lowerBound)
            return #"<text class="tick" x="\#(at.x)" y="\#(at.y + 15)" text-anchor="middle">\#(Self.tick(tick))</text>"#
        }
        let middle = (x: (Self.left + width - Self.right) / 2, y: -(Self.top + height - Self.bottom) / 2)
        return """
            <svg class="\(style)" viewBox="0 0 \(width) \(height)" role="img" aria-label="\(title)">\
            <title>\(title)</title><desc>\(description)</desc>\
            \(rows)\(columns)\
            <text class="axis" x="\(middle.x)" y="\(height - 6)" text-anchor="middle">\(xLabel)</text>\
            <text class="axis" x="\(middle.y)" y="11" text-anchor="middle" transform="rotate(-90)">\(yLabel)</text>\
            \(shapes)</svg>
            """
    }

    private static func tick(_ share: Double) -> String {
        let percent = (share * 1000).rounded() / 10
        return percent == percent.rounded() ? "\(Int(percent))" : "\(percent)"
    }
}
