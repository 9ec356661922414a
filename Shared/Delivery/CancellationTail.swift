import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// Follows the cancellations from the first one that the topic still has.
///
/// Every instance reads all of them: a step may be with any worker. What is forgotten for want of room, or missed while
/// the broker is away, costs a call and never an answer, since the aggregator has settled the request already.
/// - Consumes: `winnow.cancellations.v1`, without a group
public final class CancellationTail: Cancellations, Service {
    private let tail: Tail
    private let cancelled: Mutex<RecentRequests>

    /// - Parameters:
    ///   - capacity: how many requests are remembered; a hundred thousand take about ten megabytes.
    ///   - open: begins to read at the topic's first record.
    public init(
        capacity: Int = 100_000, logger: Logger, open: @escaping @Sendable () async throws -> any MessageReader
    ) {
        cancelled = Mutex(RecentRequests(capacity: capacity))
        tail = Tail(topic: Topic.cancellations, logger: logger, open: open)
    }

    public func contains(_ request: Request.ID) -> Bool { cancelled.withLock { $0.contains(request) } }

    /// Without it a worker that starts would compute what was cancelled while none was there.
    public func prepare() async { await tail.prepare() }

    public func run() async throws {
        try await tail.follow { records in
            for record in records {
                let request = (try? CloudEvent(record))?.correlationID.flatMap { Request.ID($0) }
                if let request { cancelled.withLock { $0.add(request) } }
            }
        }
    }
}
