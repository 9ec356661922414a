import Lifecycle
import MessageBus
import Telemetry

/// Poll, apply, emit, commit: in this order, so that a crash at any point repeats work and loses none.
///
/// There is no outbox: redelivery is the outbox (`infra/decisions/0002-redelivery-is-the-outbox.md`).
public struct DeliveryLoop<Handler: BatchHandler>: Service {
    private let service: String
    private let consumer: any MessageConsumer
    private let producer: any MessageProducer
    private let handler: Handler
    private let logger: Logger
    private let metrics: DeliveryMetrics
    private let onReadiness: @Sendable (Bool) -> Void

    /// - Parameter onReadiness: told whether the loop can make progress.
    public init(
        service: String, consumer: any MessageConsumer, producer: any MessageProducer, handler: Handler, logger: Logger,
        metrics: Metrics, onReadiness: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.service = service
        self.consumer = consumer
        self.producer = producer
        self.handler = handler
        self.logger = logger
        self.metrics = DeliveryMetrics(metrics)
        self.onReadiness = onReadiness
    }

    public func run() async throws {
        try await withGracefulShutdownHandler {
            guard try await connect() else { return await consumer.close() }
            onReadiness(true)
            while let records = try await consumer.nextBatch() {
                let clock = ContinuousClock()
                let start = clock.now
                guard let emitted = try await apply(records) else { break }
                metrics.processed(records.count, emitted: emitted, took: clock.now - start)
            }
            onReadiness(false)
            await consumer.close()
        } onGracefulShutdown: {
            consumer.stop()
        }
    }

    /// - Returns: whether broker and dependencies answer; `false` when a stop came first.
    private func connect() async throws -> Bool {
        let connected: Void? = try await untilItWorks {
            try await consumer.connect()
            try await handler.prepare()
        }
        return connected != nil
    }

    /// - Returns: how many records were emitted; `nil` when a stop came while waiting for a dependency. The offsets
    ///   are then not committed, and the records come again after the restart.
    private func apply(_ records: [Record]) async throws -> Int? {
        FaultPoint.beforeApply.reached(by: service)
        guard let emitted = try await deliver(records) else { return nil }
        FaultPoint.beforeOffsetCommit.reached(by: service)
        guard try await untilItWorks({ try await consumer.commit(records) }) != nil else { return nil }
        return emitted
    }

    /// A record that cannot be applied, or of which more comes than a topic takes, is found by halving the batch, and
    /// becomes a dead letter alone. What was applied before is applied again, which changes nothing.
    private func deliver(_ records: [Record]) async throws -> Int? {
        do {
            guard let emission = try await untilItWorks({ try await handler.handle(records) }) else { return nil }
            FaultPoint.afterCommit.reached(by: service)
            let emitted = try await send(emission)
            FaultPoint.afterEmit.reached(by: service)
            return emitted
        } catch  where Fault.isOfRecords(error) {
            metrics.faults.increment()
            guard records.count > 1 else {
                guard let record = records.first else { return 0 }
                return try await putAway(record, error)
            }
            let half = records.count / 2
            guard let first = try await deliver(Array(records[..<half])) else { return nil }
            return try await deliver(Array(records[half...])).map { first + $0 }
        }
    }

    private func putAway(_ record: Record, _ error: any Error) async throws -> Int? {
        logger.error(
            "Record dead-lettered",
            metadata: [
                LogKeys.errorType: Fault.type(of: error), LogKeys.destination: record.topic,
                LogKeys.partition: "\(record.partition)", LogKeys.offset: "\(record.offset)",
            ])
        let group = ConsumerGroup.name(of: service)
        do {
            return try await send([DeadLetter.record(from: record, consumerGroup: group, error: error, attempt: 1)])
        } catch  where Fault.isOfRecords(error) {
            return try await send([DeadLetter.reference(to: record, consumerGroup: group, error: error, attempt: 1)])
        }
    }

    private func send(_ records: [OutgoingRecord]) async throws -> Int? {
        try await untilItWorks { try await producer.send(records) }.map { records.count }
    }

    /// Repeats a call while its fault is one that passes; the partitions are paused meanwhile, not drained.
    private func untilItWorks<Result>(_ body: () async throws -> Result) async throws -> Result? {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var isPaused = false
        while true {
            do {
                let result = try await body()
                if isPaused {
                    await consumer.resume()
                    onReadiness(true)
                    logger.notice("Delivery goes on")
                }
                return result
            } catch  where Fault.isRetriable(error) {
                if !isPaused {
                    isPaused = true
                    await consumer.pause()
                    onReadiness(false)
                    logger.warning(
                        "Delivery waits for a dependency",
                        metadata: [LogKeys.errorType: Fault.type(of: error), LogKeys.errorMessage: "\(error)"])
                }
                metrics.retries.increment()
                guard await sleepUnlessShutDown(for: backoff.next(using: &generator)) else { return nil }
            }
        }
    }
}
