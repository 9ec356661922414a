import Certification
import Contracts

/// Which model answers an item.
enum Policy: String, CaseIterable {
    case suite = "Winnow"
    case small = "always the small model"
    case full = "always the full model"
    /// Escalates as many items of each task as the suite, drawn at random. A comparison with it shows what the choice
    /// of items is worth.
    case shuffled = "the same escalations at random"
}

/// The quality and the cost of a policy.
struct PolicyFigures {
    var accuracy: Figure
    /// Agreement with the full model.
    var agreement: Figure
    /// The share of the compute that the full model alone would need.
    var computeShare: Figure
    /// - Units: USD per million items.
    var cost: Figure
    /// The saved share of the full model's cost, if it is asked item by item.
    var saved: Figure
    /// The saved share of the full model's cost, if it is asked once for each request.
    var savedOnOnce: Figure
}

/// Sums over the items of one request. The bootstrap draws whole requests and computes ratios of these sums.
struct PolicySums {
    var items = 0.0
    var correct = 0.0
    var agreeing = 0.0
    var flops = 0.0
    var fullFlops = 0.0
    var cost = 0.0
    var fullCost = 0.0
    var fullOnceCost = 0.0

    /// - Parameter isSaved: whether the item counts in the cost of the full model alone.
    mutating func add(
        _ label: String?, escalated: Bool, bySmall: Bool = true, isSaved: Bool = true, _ item: ReportItem
    ) {
        items += 1
        if label == item.label { correct += 1 }
        if label == item.full { agreeing += 1 }
        flops += (bySmall ? item.smallFlops : 0) + (escalated ? item.fullFlops : 0)
        cost += (bySmall ? item.smallCost : 0) + (escalated ? item.fullCost : 0)
        guard isSaved else { return }
        fullFlops += item.fullFlops
        fullCost += item.fullCost
        fullOnceCost += item.fullOnceCost
    }

    static func + (left: PolicySums, right: PolicySums) -> PolicySums {
        PolicySums(
            items: left.items + right.items, correct: left.correct + right.correct,
            agreeing: left.agreeing + right.agreeing, flops: left.flops + right.flops,
            fullFlops: left.fullFlops + right.fullFlops, cost: left.cost + right.cost,
            fullCost: left.fullCost + right.fullCost, fullOnceCost: left.fullOnceCost + right.fullOnceCost)
    }

    static let figures = 6

    private static func ratio(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : .nan }

    /// The values in the order of `figures`.
    var values: [Double] {
        [
            Self.ratio(correct, items), Self.ratio(agreeing, items), Self.ratio(flops, fullFlops),
            Self.ratio(cost, items) / 1e6, 1 - Self.ratio(cost, fullCost), 1 - Self.ratio(cost, fullOnceCost),
        ]
    }
}

extension PolicySums {
    /// - Parameter escalates: for `.shuffled` only, one value for each item.
    init(_ items: [ReportItem], _ policy: Policy, escalates: [Bool] = []) {
        self.init()
        for (index, item) in items.enumerated() {
            switch policy {
            case .suite: add(item.suite, escalated: item.isEscalated, isSaved: item.isSaved, item)
            case .small: add(item.small, escalated: false, item)
            case .full: add(item.full, escalated: true, bySmall: false, item)
            case .shuffled:
                let escalated = escalates[index]
                add(escalated ? item.full : item.small, escalated: escalated, item)
            }
        }
    }
}

/// Computes percentile intervals by drawing whole requests, with a new random control for each draw.
/// - Source: Bootstrap methods, Annals of Statistics 7 (1979)
struct PolicyBootstrap {
    static let seed: UInt64 = 20_261_125

    let figures: [Policy: PolicyFigures]
    /// The suite minus the control, drawn together: in accuracy and in agreement.
    let gain: (accuracy: Figure, agreement: Figure)

    init(_ requests: [[ReportItem]], draws: Int = 1000, seed: UInt64 = Self.seed) {
        var generator = SeededGenerator(seed: seed)
        var control = ShuffledControl(requests)
        let fixed: [Policy: [PolicySums]] = [
            .suite: requests.map { PolicySums($0, .suite) }, .small: requests.map { PolicySums($0, .small) },
            .full: requests.map { PolicySums($0, .full) },
        ]
        var drawn: [Policy: [[Double]]] = [:]
        // Shuffles the measured items. The spread comes from the choice alone, and the mean is the control's value.
        var shuffles: [[Double]] = []
        for _ in 0..<draws {
            let picks = requests.indices.map { _ in Int.random(in: requests.indices, using: &generator) }
            for (policy, sums) in fixed {
                drawn[policy, default: []].append(picks.reduce(PolicySums()) { $0 + sums[$1] }.values)
            }
            let shuffle = control.draw(using: &generator)
            shuffles.append(shuffle.reduce(PolicySums(), +).values)
            drawn[.shuffled, default: []].append(picks.reduce(PolicySums()) { $0 + shuffle[$1] }.values)
        }
        var values = fixed.mapValues { $0.reduce(PolicySums(), +).values }
        values[.shuffled] = (0..<PolicySums.figures).map { place in
            shuffles.reduce(0) { $0 + $1[place] } / Double(max(1, shuffles.count))
        }
        var figures: [Policy: PolicyFigures] = [:]
        for policy in Policy.allCases {
            var parts = (0..<PolicySums.figures).map { place in
                Figure(values[policy]?[place] ?? .nan, drawn: (drawn[policy] ?? []).map { $0[place] })
            }
            // Draws of values that always agree have no spread, although the number of items limits what they prove.
            // The full model agrees with itself by definition, and the control's value is not a share of items.
            let total = fixed[policy, default: []].reduce(PolicySums(), +)
            if policy != .shuffled {
                parts[0] = Figure(successes: Int(total.correct), of: Int(total.items))
            }
            if policy == .suite || policy == .small {
                parts[1] = Figure(successes: Int(total.agreeing), of: Int(total.items))
            }
            figures[policy] = PolicyFigures(
                accuracy: parts[0], agreement: parts[1], computeShare: parts[2], cost: parts[3], saved: parts[4],
                savedOnOnce: parts[5])
        }
        self.figures = figures
        let pairs = Array(zip(drawn[.suite] ?? [], drawn[.shuffled] ?? []))
        func difference(_ place: Int) -> Figure {
            Figure(
                (values[.suite]?[place] ?? .nan) - (values[.shuffled]?[place] ?? .nan),
                drawn: pairs.map { $0[place] - $1[place] })
        }
        gain = (difference(0), difference(1))
    }
}

/// The agreement that a share of the full model's compute buys, as the threshold moves from "nothing escalates" to
/// "everything escalates".
struct Curve {
    struct Point: Equatable {
        var computeShare: Double
        var agreement: Double
        var accuracy: Double
    }

    /// The maximum number of points. A page needs no more.
    private static let points = 120

    let points: [Point]
    /// The mean share of the agreement gap between small and full model that is recovered, over all shares of escalated
    /// items. Escalation at random recovers half.
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

/// How often a model is right at each level of confidence.
struct Reliability {
    struct Bin: Equatable {
        var confidence: Double
        var agreement: Double
        var accuracy: Double
        var items: Int
    }

    /// Bins of about equal size, the least confident first.
    let bins: [Bin]
    /// The mean distance between confidence and agreement.
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

/// Escalates exactly as many items of each task as the suite did, but chosen at random. Its gain comes from the
/// spending alone.
struct ShuffledControl {
    private typealias Place = (request: Int, item: Int)

    private let requests: [[ReportItem]]
    private var tasks: [(places: [Place], escalated: Int)]

    init(_ requests: [[ReportItem]]) {
        self.requests = requests
        let places = requests.indices.flatMap { request in
            requests[request].indices.map { (request: request, item: $0) }
        }
        // Sorted by name, because the order of a dictionary, and with it the draws, differs from run to run.
        tasks = Dictionary(grouping: places) { requests[$0.request][$0.item].route.description }
            .sorted { $0.key < $1.key }
            .map { _, places in (places, places.count { requests[$0.request][$0.item].isEscalated }) }
    }

    /// - Returns: the sums of each request.
    mutating func draw(using generator: inout some RandomNumberGenerator) -> [PolicySums] {
        var escalates = requests.map { [Bool](repeating: false, count: $0.count) }
        for task in tasks.indices {
            tasks[task].places.shuffle(using: &generator)
            for place in tasks[task].places.prefix(tasks[task].escalated) {
                escalates[place.request][place.item] = true
            }
        }
        return requests.indices.map { PolicySums(requests[$0], .shuffled, escalates: escalates[$0]) }
    }
}
