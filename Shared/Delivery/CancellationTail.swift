import Contracts
import Lifecycle
import MessageBus
import Synchronization

/// Follows the cancellations from the first one that the topic still has.
///
/// Every instance reads all of them: a step may be with any worker. What is forgotten for want of room, or missed while
/// the broker is away, costs a call and never an answer, since the aggregator has settled the request already.
/// - Consumes: `winnow.cancellations.v1`, without a group
public final class CancellationTail: Cancellations {
    private let cancelled: Mutex<RecentRequests>
    private let caughtUp = Signal()

    /// - Parameter capacity: how many requests are remembered; a hundred thousand take about ten megabytes.
    public init(capacity: Int = 100_000, tail: Tail) {
        cancelled = Mutex(RecentRequests(capacity: capacity))
        tail.follow(Topic.cancellations, from: .beginning, caughtUp) { [weak self] in self?.note($0) }
    }

    public func contains(_ request: Request.ID) -> Bool { cancelled.withLock { $0.contains(request) } }

    /// Without it a worker that starts would compute what was cancelled while none was there.
    public func prepare() async { await caughtUp.wait() }

    private func note(_ records: [Record]) {
        for record in records {
            let request = (try? CloudEvent(record, as: EventType.cancellation))?.correlationID.flatMap {
                Request.ID($0)
            }
            if let request { cancelled.withLock { $0.add(request) } }
        }
    }
}
