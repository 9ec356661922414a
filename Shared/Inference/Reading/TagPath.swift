#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Finds the most probable tags of a source, of which each is possible after the one before it: inside never follows
/// outside, and a piece that continues a word never begins or leaves an item.
///
/// The paths that lead to the tags of a piece soon have a common beginning, which no later piece can change. It is
/// decided then.
/// - Source: Viterbi, 1967
struct TagPath {
    struct Decision {
        let tag: ItemTag
        /// The tag's own probability.
        let probability: Double
    }

    private struct Step {
        /// The logarithms of the tags' probabilities.
        let scores: InlineArray<3, Double>
        /// The tag before, on the best path to each tag.
        let before: InlineArray<3, ItemTag>
    }

    /// So many undecided pieces are decided as they are. No text has so many but one that is made for it.
    private static let mostSteps = 4096

    private var steps: [Step] = []
    /// The score of the best path to each tag of the last piece. A source begins outside.
    private var totals: InlineArray<3, Double> = [0, -.infinity, -.infinity]

    /// Takes the scores of the next piece.
    /// - Returns: what is decided of the pieces before it, the first ones first.
    mutating func take(_ scores: ArraySlice<Float>, isContinuation: Bool) -> [Decision] {
        let (item, best) = likeliest
        let before: InlineArray<3, ItemTag> = isContinuation ? [.outside, .outside, item] : [best, best, item]
        let own = Self.logarithms(scores)
        let isPossible = InlineArray<3, Bool> {
            totals[before[$0].rawValue] > -.infinity && !(isContinuation && $0 == ItemTag.begin.rawValue)
        }
        var decisions: [Decision] = []
        if isPossible[ItemTag.outside.rawValue] != isPossible[ItemTag.inside.rawValue] || before[0] == before[2] {
            // All paths that are left have the same tag here.
            decisions = decide(isPossible[ItemTag.outside.rawValue] ? before[0] : item)
        } else if steps.count >= Self.mostSteps {
            decisions = decide(best)
        }
        totals = InlineArray<3, Double> {
            isPossible[$0] ? totals[before[$0].rawValue] + own[$0] : -.infinity
        }
        steps.append(Step(scores: own, before: before))
        return decisions
    }

    /// Decides the pieces that are left. The next one begins another source.
    mutating func finish() -> [Decision] {
        let decisions = decide(likeliest.tag)
        totals = [0, -.infinity, -.infinity]
        return decisions
    }

    /// The tag of the last piece to which the best path leads, among those within an item and among all.
    private var likeliest: (inItem: ItemTag, tag: ItemTag) {
        let item: ItemTag = total(.inside) > total(.begin) ? .inside : .begin
        return (item, total(item) > total(.outside) ? item : .outside)
    }

    private func total(_ tag: ItemTag) -> Double { totals[tag.rawValue] }

    /// Returns the path to a tag of the last piece, and gives up all others.
    private mutating func decide(_ last: ItemTag) -> [Decision] {
        var tag = last
        var decisions: [Decision] = []
        for step in steps.reversed() {
            decisions.append(Decision(tag: tag, probability: exp(step.scores[tag.rawValue])))
            tag = step.before[tag.rawValue]
        }
        steps.removeAll(keepingCapacity: true)
        for other in ItemTag.allCases where other != last { totals[other.rawValue] = -.infinity }
        return decisions.reversed()
    }

    private static func logarithms(_ scores: ArraySlice<Float>) -> InlineArray<3, Double> {
        let peak = Double(scores.max() ?? 0)
        let sum = log(scores.reduce(0) { $0 + exp(Double($1) - peak) })
        return InlineArray<3, Double> { Double(scores[scores.startIndex + $0]) - peak - sum }
    }
}
