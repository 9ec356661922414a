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
    private let open: @Sendable () async throws -> any MessageReader
    private let logger: Logger
    private let cancelled: Mutex<RecentRequests>
    private let caughtUp = AsyncStream.makeStream(of: Void.self)

    /// - Parameters:
    ///   - capacity: how many requests are remembered; a hundred thousand take about ten megabytes.
    ///   - open: begins to read at the topic's first record.
    public init(
        capacity: Int = 100_000, logger: Logger, open: @escaping @Sendable () async throws -> any MessageReader
    ) {
        cancelled = Mutex(RecentRequests(capacity: capacity))
        self.logger = logger
        self.open = open
    }

    public func contains(_ request: Request.ID) -> Bool { cancelled.withLock { $0.contains(request) } }

    /// Without it a worker that starts would compute what was cancelled while none was there.
    public func prepare() async {
        await withTaskGroup(of: Void.self) { [stream = caughtUp.stream] group in
            group.addTask { for await _ in stream {} }
            group.addTask { await gracefulShutdown() }
            await group.next()
            group.cancelAll()
        }
    }

    public func run() async throws {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        repeat {
            do {
                return try await follow(try await open())
            } catch let error as MessageBusError where error.isRetriable {
                // A cluster without the topic has no cancellations, and works as before there were any.
                if error.code == .unknownTopic { caughtUp.continuation.finish() }
                logger.warning("Cancellations are not read", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: backoff.next(using: &generator))
    }

    private func follow(_ reader: any MessageReader) async throws {
        try await withGracefulShutdownHandler {
            var backlog = reader.backlog
            if backlog.isEmpty { caughtUp.continuation.finish() }
            while let records = try await reader.nextBatch() {
                for record in records {
                    let request = (try? CloudEvent(record))?.correlationID.flatMap { Request.ID($0) }
                    if let request { cancelled.withLock { $0.add(request) } }
                    let partition = TopicPartition(topic: record.topic, partition: record.partition)
                    if let end = backlog[partition], record.offset + 1 >= end { backlog[partition] = nil }
                }
                if backlog.isEmpty { caughtUp.continuation.finish() }
            }
        } onGracefulShutdown: {
            reader.stop()
        }
    }
}
