import Contracts
import Delivery
import Lifecycle
import MessageBus
import Planning
import Synchronization

/// Follows the cancellations from the first record that the topic still has.
///
/// Every instance reads all of them, because any worker may have a step of a request. If a cancellation is missed,
/// because the broker was unavailable or more than `capacity` followed it, a call is made for nothing. The result is
/// right all the same: the aggregator has already settled the request.
/// - Consumes: `winnow.cancellations.v1`, without a group
public final class CancellationFollower: Cancellations {
    private let cancelled: Mutex<RecentRequests>
    private let caughtUp = Signal()

    /// - Parameter capacity: the number of requests to remember. A hundred thousand take about ten megabytes.
    public init(capacity: Int = 100_000, follower: TopicFollower) {
        cancelled = Mutex(RecentRequests(capacity: capacity))
        follower.follow(Topic.cancellations, from: .beginning, caughtUp) { [weak self] in self?.note($0) }
    }

    public func contains(_ request: Request.ID) -> Bool { cancelled.withLock { $0.contains(request) } }

    /// Without this, a starting worker would compute steps that were cancelled before it started.
    public func prepare() async { await caughtUp.wait() }

    private func note(_ records: [Record]) {
        for record in records {
            let request = (try? CloudEvent(record, as: EventType.cancellation))?.correlationID.flatMap {
                Request.ID($0)
            }
            if let request { cancelled.withLock { $0.insert(request) } }
        }
    }
}

/// The requests that were added last, up to a capacity. A new one replaces the oldest.
private struct RecentRequests: Sendable {
    private let capacity: Int
    private var known: Set<Request.ID> = []
    /// In the order of arrival, as a ring buffer.
    private var order: [Request.ID] = []
    private var oldest = 0

    init(capacity: Int) { self.capacity = capacity }

    func contains(_ request: Request.ID) -> Bool { known.contains(request) }

    mutating func insert(_ request: Request.ID) {
        guard known.insert(request).inserted else { return }
        guard order.count == capacity else { return order.append(request) }
        known.remove(order[oldest])
        order[oldest] = request
        oldest = (oldest + 1) % capacity
    }
}

/// Tells which requests were cancelled, so that nothing more is computed for them.
public protocol Cancellations: Sendable {
    /// Returns once every earlier cancellation is known, or a stop was requested.
    func prepare() async

    func contains(_ request: Request.ID) -> Bool
}

/// Reports no request as cancelled.
public struct NoCancellations: Cancellations {
    public init() {}

    public func prepare() async {}

    public func contains(_ request: Request.ID) -> Bool { false }
}
