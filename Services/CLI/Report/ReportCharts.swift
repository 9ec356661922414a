/// The drawings of a report.
enum ReportCharts {
    static func mix(_ tasks: [Report.Part]) -> String {
        let most = Double(max(1, tasks.map(\.items).max() ?? 1))
        // A name above its bar, not beside it, so that a phone need not shrink either.
        let row = 42.0
        let height = row * Double(tasks.count) + 4
        let bars = tasks.enumerated().map { index, task in
            let y = Double(index) * row + 4
            let width = max(1, 340 * Double(task.items) / most)
            let escalated = width * min(1, task.escalation.value)
            return
                "<text class=\"label\" x=\"0\" y=\"\(Markup.number(y + 12))\">\(Markup.escaped(task.name))</text>"
                + "<rect class=\"small-fill\" x=\"0\" y=\"\(Markup.number(y + 17))\" width=\"\(Markup.number(width))\" height=\"14\"/>"
                + "<rect class=\"full-fill\" x=\"\(Markup.number(width - escalated))\" y=\"\(Markup.number(y + 17))\" width=\"\(Markup.number(escalated))\" height=\"14\"/>"
                + "<text class=\"label\" x=\"\(Markup.number(width + 8))\" y=\"\(Markup.number(y + 28.5))\">\(task.items)</text>"
        }
        return
            "<svg class=\"mix\" viewBox=\"0 0 400 \(Markup.number(height))\" role=\"img\" aria-label=\"Items of each task\"><title>Items of each task</title>"
            + "<desc>A bar a task, as long as it has items; the right end is what went on to the full model.</desc>"
            + bars.joined() + "</svg>"
    }

    static func reliability(_ task: Report.Part) -> String {
        let bins = task.reliability.bins
        let least = bins.flatMap { [$0.confidence, $0.agreement, $0.accuracy] }.min() ?? 0
        // Sure models live in a corner: there the eye should be.
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

    static func curve(_ part: Report.Part, wide: Bool = false) -> String {
        let points = part.curve.points
        let least = min(points.flatMap { [$0.agreement, $0.accuracy] }.min() ?? 0, part.agreement.value)
        let step = least > 0.95 ? 0.01 : least > 0.9 ? 0.02 : least > 0.75 ? 0.05 : 0.1
        // One that always agrees has an axis, too.
        let from = max(0, min(1 - step, (least / step).rounded(.down) * step))
        // Small and full model together take a little more than the full one alone.
        let most = max(1, points.last?.computeShare ?? 1, part.computeShare.value)
        var plot = Plot(width: wide ? 560 : 320, height: wide ? 340 : 260, x: 0...(most * 1.02), y: from...1)
        if let first = points.first, let last = points.last {
            plot.line([(first.computeShare, first.agreement), (last.computeShare, last.agreement)], "guide")
            plot.line(points.map { ($0.computeShare, $0.accuracy) }, "pale-line")
            plot.line(points.map { ($0.computeShare, $0.agreement) }, "suite-line")
            plot.dot(first.computeShare, first.agreement, "small-fill")
            plot.dot(1, 1, "full-fill")
        }
        // Drawn last and hollow, so that it does not hide the full model's point, which it may fall on.
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
