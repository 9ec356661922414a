import Certification
import Contracts

/// Which of the items that a worker answered go to the full model as well.
///
/// A hash decides, so that a step that comes again draws the same items.
public struct ShadowDraw: Sendable {
    public let probability: Double

    /// - Parameter probability: 0 to 1.
    public init(_ probability: Double) { self.probability = probability }

    /// - Returns: of a step's items those drawn, by place, in their order.
    func items(of step: Step.ID, count: Int) -> [Int] {
        guard probability > 0 else { return [] }
        var draws = SeededGenerator(seed: ItemHash.of("\(step)"))
        return (0..<count).filter { _ in Double.random(in: 0..<1, using: &draws) < probability }
    }
}
