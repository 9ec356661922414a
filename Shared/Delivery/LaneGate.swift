import Contracts
import Lifecycle
import Synchronization

/// Has a process's bulk lane wait while its interactive lane has a batch in hand.
///
/// The wait ends with that batch, whether or not the next one follows at once: under any load the bulk lane gets a chunk
/// for each interactive batch, so it never starves.
public final class LaneGate: Sendable {
    private let inHand = Mutex<Signal?>(nil)

    public init() {}

    /// Returns once the interactive batch in hand is done, or a stop came; at once where there is none.
    public func giveWay() async { await inHand.withLock(\.self)?.wait() }

    /// Works on a batch: an interactive one at once, a bulk one when it is its turn.
    func pass<Result>(_ lane: Lane, _ body: () async throws -> Result) async rethrows -> Result {
        guard lane == .interactive else {
            await giveWay()
            return try await body()
        }
        let done = Signal()
        inHand.withLock { $0 = done }
        defer {
            inHand.withLock { $0 = nil }
            done.fire()
        }
        return try await body()
    }
}
