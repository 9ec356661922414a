import CKernels
import Contracts

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A route head that was fitted to examples, and what it did with texts that it had not seen.
///
/// Its temperature and its threshold are chosen on scores of rows by maps that have not learned from them. The
/// threshold is the lowest at which 95% of the accepted rows belong to the task.
/// - Source: decision 50
public struct RouteHeadFit: Sendable {
    public static let precision = 0.95
    private static let folds = 5
    /// With a threshold that hardly any example reaches, people's texts would not find the task.
    private static let leastRecall = 0.2

    public let head: RouteHead
    /// The share of the examples that it accepts.
    public let recall: Double
    /// How many states of everything else it accepts.
    public let falseAccepts: Int
    /// How many there are.
    public let others: Int

    /// - Parameters:
    ///   - examples: texts of the task.
    ///   - others: states of everything else.
    /// - Returns: `nil` if the router cannot tell the examples from everything else.
    /// - Throws: `InferenceError`
    public init?(
        _ examples: [String], against others: RouterStates, router: ItemReader
    ) throws(InferenceError) {
        let texts = examples.map { PlacedText(sources: [$0], source: 0, range: 0..<$0.utf8.count) }
        let own = try router.states(of: texts).flatMap { $0.state ?? [] }
        guard
            let (line, rule) = Self.fit(own: own, others: others, router.kernels),
            rule.recall >= Self.leastRecall
        else { return nil }
        head = RouteHead(
            router: router.stateFingerprint, examples: examples.count, temperature: rule.temperature,
            threshold: rule.threshold, weights: line.weights, bias: line.bias)
        (recall, falseAccepts, self.others) = (rule.recall, rule.falseAccepts, others.count)
    }

    struct Rule {
        let temperature: Double
        let threshold: Double
        let recall: Double
        let falseAccepts: Int
    }

    static func fit(
        own: [Float], others: RouterStates, _ kernels: winnow_kernels
    ) -> (LogisticRegression.Line, Rule)? {
        let regression = LogisticRegression(own + others.rows, width: others.width, kernels)
        let positives = own.count / others.width, count = positives + others.count
        let targets = (0..<count).map { $0 < positives ? Float(1) : 0 }
        var held = [Double](repeating: 0, count: count)
        for fold in 0..<folds {
            let isHeld = (0..<count).map { Self.fold(of: $0) == fold }
            let scores = regression.scores(regression.fit(targets, isHeld.map { !$0 }))
            for index in 0..<count where isHeld[index] { held[index] = Double(scores[index]) }
        }
        guard let rule = rule(held, positives: positives) else { return nil }
        return (regression.unscaled(regression.fit(targets, [Bool](repeating: true, count: count))), rule)
    }

    /// Scatters the rows. Examples may stand in turns of their labels, and no fold may hold all of a label.
    private static func fold(of index: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(index) &* 0x9E37_79B9_7F4A_7C15) >> 40) % folds
    }

    /// - Parameter scores: those of the examples first.
    static func rule(_ scores: [Double], positives: Int) -> Rule? {
        let temperature = temperature(scores, positives: positives)
        let ranked = scores.indices.sorted { scores[$0] > scores[$1] }
        var accepted = 0, right = 0, best: (accepted: Int, right: Int)?
        for (place, index) in ranked.enumerated() {
            accepted += 1
            right += index < positives ? 1 : 0
            // A threshold cannot separate equal scores.
            let isLast = place + 1 == ranked.count || scores[ranked[place + 1]] < scores[index]
            if isLast, Double(right) >= precision * Double(accepted) { best = (accepted, right) }
        }
        guard let best else { return nil }
        // Halfway to the next score, so that rounding cannot change a decision.
        let last = scores[ranked[best.accepted - 1]]
        let next = best.accepted < ranked.count ? scores[ranked[best.accepted]] : last - temperature
        let threshold = sigmoid((last + next) / 2 / temperature)
        return Rule(
            temperature: temperature, threshold: min(max((threshold * 1e6).rounded() / 1e6, 1e-6), 1 - 1e-6),
            recall: Double(best.right) / Double(positives), falseAccepts: best.accepted - best.right)
    }

    /// The temperature at which the scores are most likely, on a grid. A floor keeps probabilities from all being 1.
    private static func temperature(_ scores: [Double], positives: Int) -> Double {
        let grid = (0...40).map { 0.25 * exp(Double($0) * log(80) / 40) }
        let losses = grid.map { temperature in
            scores.enumerated().reduce(0) { sum, entry in
                let score = (entry.offset < positives ? -1 : 1) * entry.element / temperature
                return sum + max(score, 0) + log1p(exp(-abs(score)))
            }
        }
        let best = losses.indices.min { losses[$0] < losses[$1] } ?? 0
        return (grid[best] * 1e4).rounded() / 1e4
    }
}
