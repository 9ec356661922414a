import Lifecycle
import MessageBus
import Telemetry

/// Follows a topic without a group: every instance reads all of it.
public struct Tail: Sendable {
    private let topic: String
    private let open: @Sendable () async throws -> any MessageReader
    private let logger: Logger
    private let caughtUp = Signal()

    /// - Parameter open: begins to read where this tail is to begin.
    public init(topic: String, logger: Logger, open: @escaping @Sendable () async throws -> any MessageReader) {
        self.topic = topic
        self.logger = logger
        self.open = open
    }

    /// Returns once everything that was there at the beginning is handed on, or a stop came first.
    public func prepare() async { await caughtUp.wait() }

    /// Hands on every batch until a stop; opens the topic again while the broker is away.
    /// - Throws: `MessageBusError` only for a fault that waiting cannot mend.
    public func follow(_ body: ([Record]) -> Void) async throws {
        // Nobody waits for what will never come.
        defer { caughtUp.fire() }
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        repeat {
            do {
                return try await follow(try await open(), body)
            } catch let error as MessageBusError where error.isRetriable {
                // A cluster without the topic has nothing to say, and all works as before there was one.
                if error.code == .unknownTopic { caughtUp.fire() }
                logger.warning(
                    "A topic is not read",
                    metadata: [LogKeys.destination: topic, LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: backoff.next(using: &generator))
    }

    private func follow(_ reader: any MessageReader, _ body: ([Record]) -> Void) async throws {
        try await withGracefulShutdownHandler {
            var backlog = reader.backlog
            if backlog.isEmpty { caughtUp.fire() }
            while let records = try await reader.nextBatch() {
                body(records)
                for record in records {
                    let partition = TopicPartition(topic: record.topic, partition: record.partition)
                    if let end = backlog[partition], record.offset + 1 >= end { backlog[partition] = nil }
                }
                if backlog.isEmpty { caughtUp.fire() }
            }
        } onGracefulShutdown: {
            reader.stop()
        }
    }
}
