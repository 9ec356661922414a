/// What share of the full model's compute buys how much agreement, as the threshold moves from "nothing escalates" to
/// "everything does".
struct Curve {
    struct Point: Equatable {
        var computeShare: Double
        var agreement: Double
        var accuracy: Double
    }

    /// At most so many: a page needs no more.
    private static let points = 120

    let points: [Point]
    /// Of the gap in agreement between small and full model, the mean share that is recovered over all shares of
    /// escalated items; escalating at random recovers half.
    /// - Source: RouteLLM, arXiv:2406.18665, section 3.2 (APGR), with agreement as the quality
    let recovered: Double

    /// - Parameter items: escalated in ascending order of the small model's confidence.
    init(_ items: [ReportItem]) {
        let ordered = items.sorted { $0.confidence < $1.confidence }
        let whole = ordered.reduce(0) { $0 + $1.fullFlops }
        var flops = ordered.reduce(0) { $0 + $1.smallFlops }
        var agreeing = ordered.count { $0.smallAgrees }
        var correct = ordered.count { $0.small == $0.label }
        let count = Double(max(1, ordered.count))
        func point() -> Point {
            Point(
                computeShare: flops / max(whole, 1), agreement: Double(agreeing) / count,
                accuracy: Double(correct) / count)
        }
        var points = [point()]
        let gap = count - Double(agreeing)
        var area = 0.0
        let every = max(1, ordered.count / Self.points)
        for (index, item) in ordered.enumerated() {
            let before = Double(agreeing)
            flops += item.fullFlops
            if !item.smallAgrees { agreeing += 1 }
            correct += (item.full == item.label ? 1 : 0) - (item.small == item.label ? 1 : 0)
            area += gap > 0 ? (((before + Double(agreeing)) / 2) - (count - gap)) / gap / count : 0
            if (index + 1).isMultiple(of: every) || index + 1 == ordered.count { points.append(point()) }
        }
        self.points = points
        recovered = gap > 0 ? area : .nan
    }
}

/// How often a model is right that says it is so sure.
struct Reliability {
    struct Bin: Equatable {
        var confidence: Double
        var agreement: Double
        var accuracy: Double
        var items: Int
    }

    /// Of about as many items each, the least sure first.
    let bins: [Bin]
    /// Mean distance of confidence and agreement.
    /// - Source: On calibration of modern neural networks, ICML 2017, equation 3, with bins of equal mass
    let error: Double

    init(_ items: [ReportItem], bins count: Int = 10) {
        let ordered = items.sorted { $0.confidence < $1.confidence }
        let size = Double(ordered.count) / Double(count)
        bins = (0..<count).compactMap { bin in
            let members = ordered[Int(Double(bin) * size)..<Int(Double(bin + 1) * size)]
            guard !members.isEmpty else { return nil }
            let n = Double(members.count)
            return Bin(
                confidence: members.reduce(0) { $0 + $1.confidence } / n,
                agreement: Double(members.count { $0.smallAgrees }) / n,
                accuracy: Double(members.count { $0.small == $0.label }) / n, items: members.count)
        }
        let sum = bins.reduce(0) { $0 + Double($1.items) * abs($1.confidence - $1.agreement) }
        error = ordered.isEmpty ? .nan : sum / Double(ordered.count)
    }
}
