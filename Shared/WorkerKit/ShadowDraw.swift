import Certification
import Contracts

/// Which of the texts that a worker answered go to the full model as well.
///
/// A hash of the route and the text decides: a text is always drawn or never, whoever sends it and however often. Repeating
/// a text therefore adds nothing to the evidence, and a step that comes again draws the same items.
public struct ShadowDraw: Sendable {
    public let probability: Double
    private let seed: UInt64

    /// - Parameters:
    ///   - probability: 0 to 1.
    ///   - seed: the same in all workers, and secret where a tenant must not choose texts that are drawn, or that are not.
    public init(_ probability: Double, seed: UInt64 = 0) {
        self.probability = probability
        self.seed = seed
    }

    public func takes(_ text: String, of route: Route) -> Bool {
        guard probability > 0 else { return false }
        var draw = SeededGenerator(seed: ItemHash.of("\(route) \(text)") ^ seed)
        return Double.random(in: 0..<1, using: &draw) < probability
    }
}
