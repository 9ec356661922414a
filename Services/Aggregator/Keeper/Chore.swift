/// A small background job of the keeper. It fails, waits and is measured by itself.
protocol Chore: Sendable {
    /// As metrics, logs and fault points name it.
    var name: String { get }
    /// How long the keeper waits between two rounds.
    var interval: Duration { get }
    /// What ends the wait between two rounds early; `nil` where nothing does.
    var wake: Wake? { get }

    /// Does what is due, in transactions that may be repeated.
    /// - Throws: whatever fault; the next round comes later then.
    func work() async throws -> ChoreRound
}

extension Chore {
    var wake: Wake? { nil }
}

/// What a round of a chore has done.
struct ChoreRound: Sendable, Equatable {
    var handled: Int
    /// Whether more is due, so that the next round follows at once.
    var hasMore = false

    static let nothing = ChoreRound(handled: 0)
}
