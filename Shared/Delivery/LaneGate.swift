import Contracts
import Lifecycle
import Synchronization

/// Has a process's bulk lane wait while its interactive lane has batches in hand.
///
/// The wait ends with those batches, whether or not the next one follows at once: under any load the bulk lane gets a
/// chunk for each interactive batch, so it never starves.
public final class LaneGate: Sendable {
    /// An interactive batch in hand.
    private final class Hold: Sendable {
        private let done = Mutex(Signal())

        func wait() async { await done.withLock(\.self).wait() }

        func end() { done.withLock { $0.fire() } }

        func begin() { done.withLock { $0 = Signal() } }
    }

    @TaskLocal private static var current: Hold?

    private let inHand = Mutex<[Hold]>([])

    public init() {}

    /// Returns once the interactive batches in hand are done, or a stop came; at once when there are none.
    public func giveWay() async {
        for batch in inHand.withLock(\.self) { await batch.wait() }
    }

    /// Works on a batch: an interactive one at once, a bulk one when it is its turn.
    func pass<Result>(_ lane: Lane, _ body: () async throws -> Result) async rethrows -> Result {
        guard lane == .interactive else {
            await giveWay()
            return try await body()
        }
        let hold = Hold()
        inHand.withLock { $0.append(hold) }
        defer { end(hold) }
        return try await Self.$current.withValue(hold) { try await body() }
    }

    /// Lets the bulk lane go on while this task's batch only waits for a dependency: that can take long, and a bulk lane
    /// that waits at the gate does not poll.
    func release() {
        if let hold = Self.current { end(hold) }
    }

    /// This task's batch goes on. A batch that was not released stays as it is.
    func retake() {
        guard let hold = Self.current else { return }
        inHand.withLock { inHand in
            guard !inHand.contains(where: { $0 === hold }) else { return }
            hold.begin()
            inHand.append(hold)
        }
    }

    private func end(_ hold: Hold) {
        inHand.withLock { $0.removeAll { $0 === hold } }
        hold.end()
    }
}
