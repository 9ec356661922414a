import Contracts
import Delivery
import Lifecycle
import MessageBus
import Planning
import Synchronization

/// Follows the cancellations from the first one that the topic still has.
///
/// Every instance reads all of them: a step may be with any worker. What is forgotten for want of room, or missed while
/// the broker is away, costs a call and never an answer, since the aggregator has settled the request already.
/// - Consumes: `winnow.cancellations.v1`, without a group
public final class CancellationFollower: Cancellations {
    private let cancelled: Mutex<RecentRequests>
    private let caughtUp = Signal()

    /// - Parameter capacity: how many requests are remembered; a hundred thousand take about ten megabytes.
    public init(capacity: Int = 100_000, follower: TopicFollower) {
        cancelled = Mutex(RecentRequests(capacity: capacity))
        follower.follow(Topic.cancellations, from: .beginning, caughtUp) { [weak self] in self?.note($0) }
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

/// Which requests were cancelled, so that nothing is computed for them any more.
public protocol Cancellations: Sendable {
    /// Returns once every cancellation that was there before is known, or a stop came first.
    func prepare() async

    func contains(_ request: Request.ID) -> Bool
}

/// Nobody has cancelled anything.
public struct NoCancellations: Cancellations {
    public init() {}

    public func prepare() async {}

    public func contains(_ request: Request.ID) -> Bool { false }
}

/// The requests that were added last, as many as there is room for; the oldest one makes room.
struct RecentRequests: Sendable {
    private let capacity: Int
    private var known: Set<Request.ID> = []
    /// In the order in which they came, as a ring.
    private var order: [Request.ID] = []
    private var oldest = 0

    init(capacity: Int) { self.capacity = capacity }

    func contains(_ request: Request.ID) -> Bool { known.contains(request) }

    mutating func add(_ request: Request.ID) {
        guard known.insert(request).inserted else { return }
        guard order.count == capacity else { return order.append(request) }
        known.remove(order[oldest])
        order[oldest] = request
        oldest = (oldest + 1) % capacity
    }
}
