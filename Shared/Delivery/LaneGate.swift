import Contracts
import Lifecycle
import Synchronization

/// Has a process's bulk lane wait while its interactive lane has batches in hand.
///
/// The wait ends with those batches, whether or not the next one follows at once: under any load the bulk lane gets a
/// chunk for each interactive batch, so it never starves.
public final class LaneGate: Sendable {
    private let inHand = Mutex<[Signal]>([])

    public init() {}

    /// Returns once the interactive batches in hand are done, or a stop came; at once where there are none.
    public func giveWay() async {
        for batch in inHand.withLock(\.self) { await batch.wait() }
    }

    /// Works on a batch: an interactive one at once, a bulk one when it is its turn.
    func pass<Result>(_ lane: Lane, _ body: () async throws -> Result) async rethrows -> Result {
        guard lane == .interactive else {
            await giveWay()
            return try await body()
        }
        let batch = Signal()
        inHand.withLock { $0.append(batch) }
        defer {
            inHand.withLock { $0.removeAll { $0 === batch } }
            batch.fire()
        }
        return try await body()
    }
}
