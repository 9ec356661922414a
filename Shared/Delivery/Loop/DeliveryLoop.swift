import Contracts
import Lifecycle
import MessageBus
import Telemetry

/// Polls, applies, emits and commits, in this order. A crash at any point repeats work and loses none.
///
/// No outbox is needed, since Kafka redelivers records whose offsets are not committed
/// (`infra/decisions/0002-redelivery-is-the-outbox.md`).
public struct DeliveryLoop<Handler: BatchHandler>: Service {
    let service: String
    private let consumer: any MessageConsumer
    let producer: any MessageProducer
    private let handler: Handler
    let logger: Logger
    let metrics: DeliveryMetrics
    let policy: RetryPolicy
    let now: @Sendable () -> Timestamp
    private let lane: Lane
    private let gate: LaneGate
    private let pausesAfter: Duration
    private let onReadiness: @Sendable (Bool) -> Void

    /// - Parameters:
    ///   - gate: coordinates the loops of the two lanes.
    ///   - pausesAfter: how long the loop waits for records that are not due before it pauses its partitions. A shorter
    ///     wait is not worth a pause, which discards the records that the client has prefetched: it delays a rebalance
    ///     no longer than a batch does.
    ///   - onReadiness: called with whether the loop can make progress.
    public init(
        service: String, consumer: any MessageConsumer, producer: any MessageProducer, handler: Handler, logger: Logger,
        metrics: Metrics, policy: RetryPolicy = RetryPolicy(), now: @escaping @Sendable () -> Timestamp = { .now },
        lane: Lane = .interactive, gate: LaneGate = LaneGate(), pausesAfter: Duration = .seconds(1),
        onReadiness: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        self.service = service
        self.consumer = consumer
        self.producer = producer
        self.handler = handler
        self.logger = logger
        self.metrics = DeliveryMetrics(metrics)
        self.policy = policy
        self.now = now
        self.lane = lane
        self.gate = gate
        self.pausesAfter = pausesAfter
        self.onReadiness = onReadiness
    }

    public func run() async throws {
        try await withGracefulShutdownHandler {
            guard try await connect() else { return await consumer.close() }
            consumer.onProgress(onReadiness)
            onReadiness(true)
            while let batch = try await consumer.nextBatch() {
                guard let records = await due(batch) else { break }
                guard !records.isEmpty else { continue }
                let clock = ContinuousClock()
                let start = clock.now
                guard let emitted = try await gate.pass(lane, { try await apply(records) }) else { break }
                metrics.processed(records.count, emitted: emitted, took: clock.now - start)
            }
            onReadiness(false)
            await consumer.close()
        } onGracefulShutdown: {
            consumer.stop()
        }
    }

    /// Waits until the broker and the handler's dependencies answer.
    /// - Returns: `false` if the service is shutting down.
    private func connect() async throws -> Bool {
        var retryBudget = RetryBudget(nil)
        let connected: Void? = try await untilItWorks(&retryBudget) {
            try await consumer.connect()
            try await handler.prepare()
        }
        return connected != nil
    }

    /// Waits until the records may be handled. A long wait pauses the partitions and keeps polling: a consumer that
    /// does not poll delays every rebalance of its group, and is removed from the group after five minutes.
    /// - Returns: the records whose partitions are still assigned; `nil` if the service is shutting down.
    private func due(_ records: [Record]) async -> [Record]? {
        guard await !handler.isDue(records) else { return records }
        let (isDue, isPaused) = await withTaskGroup { group in
            group.addTask { [pausesAfter, consumer] in
                guard await sleepUnlessShutDown(for: pausesAfter) else { return false }
                await consumer.pause()
                return true
            }
            let isDue = await handler.waitUntilDue(records)
            group.cancelAll()
            return (isDue, await group.next() ?? false)
        }
        guard isDue else { return nil }
        if isPaused { await consumer.resume() }
        return consumer.held(records)
    }

    /// - Returns: the number of emitted records; `nil` if the service shut down while waiting for a dependency. The
    ///   offsets are not committed in this case, and the records are delivered again after the restart.
    private func apply(_ records: [Record]) async throws -> Int? {
        FaultPoint.beforeApply.reached(by: service)
        var retryBudget = RetryBudget(policy)
        guard let emitted = try await deliver(records, &retryBudget) else { return nil }
        FaultPoint.beforeOffsetCommit.reached(by: service)
        guard try await untilItWorks(&retryBudget, { try await consumer.commit(records) }) != nil else { return nil }
        return emitted
    }

    /// Handles the records and emits what follows. If that fails because of the records, bisects the batch to find the
    /// record that cannot be applied, or whose emission is too large for a topic. Only that record goes to the retry
    /// topic or to the dead letters. Records that were applied before are applied again, which has no effect.
    private func deliver(_ records: [Record], _ retryBudget: inout RetryBudget) async throws -> Int? {
        do {
            let emission = try await untilItWorks(&retryBudget) { try await handler.handle(records) }
            guard let emission else { return nil }
            FaultPoint.afterCommit.reached(by: service)
            let emitted = try await send(emission, &retryBudget)
            FaultPoint.afterEmit.reached(by: service)
            return emitted
        } catch  where Fault(error).isOfRecords {
            metrics.faults.increment()
            guard records.count > 1 else { return try await putAside(records, error, wasAlone: true, &retryBudget) }
            var sum = 0
            for part in [records.prefix(records.count / 2), records.dropFirst(records.count / 2)].map(Array.init) {
                let hasTime = Fault(error) == .permanent || !retryBudget.isOver
                let count =
                    hasTime
                    ? try await deliver(part, &retryBudget)
                    : try await putAside(part, error, wasAlone: false, &retryBudget)
                guard let count else { return nil }
                sum += count
            }
            return sum
        }
    }

    /// Writes records. Every record of a service is written here, so that every dead letter is counted and logged.
    func send(_ records: [OutgoingRecord], _ retryBudget: inout RetryBudget) async throws -> Int? {
        guard try await write(records, &retryBudget) else { return nil }
        for record in records { if let letter = DeadLetter.summary(of: record) { report(letter) } }
        return records.count
    }

    /// Writes records. On the embedded broker the producer may have to wait until readers have caught up; the
    /// partitions are paused in the meantime. Without the pause, this member would not poll and would block its group,
    /// and the bulk lane would wait behind an interactive batch.
    /// - Returns: `false` if the service is shutting down.
    private func write(_ records: [OutgoingRecord], _ retryBudget: inout RetryBudget) async throws -> Bool {
        var hasPaused = false
        do {
            let sent: Void? = try await untilItWorks(&retryBudget) {
                try await producer.send(records) {
                    hasPaused = true
                    gate.release()
                    await consumer.pause()
                }
            }
            if hasPaused, sent != nil { await resumePartitions(&retryBudget) }
            return sent != nil
        } catch {
            if hasPaused { await resumePartitions(&retryBudget) }
            throw error
        }
    }

    /// Repeats a call while a dependency is unavailable, with the partitions paused. A temporary fault of these records
    /// is retried only while the retry budget allows it.
    /// - Returns: the result of the call; `nil` if the service is shutting down.
    private func untilItWorks<Result>(
        _ retryBudget: inout RetryBudget, _ body: () async throws -> Result
    ) async throws -> Result? {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var isPaused = false
        while true {
            do {
                let result = try await body()
                if isPaused { await endWait(&retryBudget) }
                return result
            } catch {
                let fault = Fault(error)
                guard fault == .dependency || fault == .temporary && retryBudget.allowsRetry else {
                    if isPaused, fault.isOfRecords { await endWait(&retryBudget) }
                    throw error
                }
                if fault == .dependency, !isPaused {
                    isPaused = true
                    await pauseForDependency(error)
                }
                metrics.retries.increment()
                guard await sleepUnlessShutDown(for: backoff.next(using: &generator)) else { return nil }
            }
        }
    }

    private func pauseForDependency(_ error: any Error) async {
        gate.release()
        await consumer.pause()
        onReadiness(false)
        logger.warning(
            "Delivery is waiting for a dependency",
            metadata: [LogKeys.errorType: Fault.type(of: error), LogKeys.errorMessage: "\(error)"])
    }

    private func resumePartitions(_ retryBudget: inout RetryBudget) async {
        retryBudget.renew()
        await consumer.resume()
        gate.retake()
    }

    private func endWait(_ retryBudget: inout RetryBudget) async {
        await resumePartitions(&retryBudget)
        onReadiness(true)
        logger.notice("Delivery resumed")
    }
}

extension DeliveryLoop {
    /// Writes failed records to the retry topic or to the dead letters.
    /// - Returns: the number of written records; `nil` if the service is shutting down.
    func putAside(
        _ records: [Record], _ error: any Error, wasAlone: Bool, _ retryBudget: inout RetryBudget
    ) async throws -> Int? {
        let group = ConsumerGroup.name(of: service)
        let put = records.map {
            policy.record(for: $0, error, wasAlone: wasAlone, consumerGroup: group, now: now())
        }
        do {
            guard try await send(put, &retryBudget) != nil else { return nil }
            for (record, put) in zip(records, put) where put.topic == Topic.retries { reportPutOff(record, error) }
            return put.count
        } catch let fault where Fault(fault).isOfRecords {
            // A record near the size limit has no room for more headers.
            guard records.count > 1 else {
                let letters = records.map {
                    DeadLetter.reference(
                        to: $0, consumerGroup: group, error: fault, attempt: Retry.attempt(of: $0))
                }
                return try await send(letters, &retryBudget)
            }
            var sum = 0
            for record in records {
                guard let count = try await putAside([record], error, wasAlone: wasAlone, &retryBudget) else {
                    return nil
                }
                sum += count
            }
            return sum
        }
    }

    private func reportPutOff(_ record: Record, _ error: any Error) {
        metrics.putOff.increment()
        logger.warning(
            "Record scheduled for retry",
            metadata: [
                LogKeys.errorType: Fault.type(of: error), LogKeys.destination: record.topic,
                LogKeys.partition: "\(record.partition)", LogKeys.offset: "\(record.offset)",
            ])
    }

    func report(_ letter: DeadLetter.Summary) {
        metrics.deadLettered(letter)
        logger.error(
            "Record dead-lettered",
            metadata: [
                LogKeys.errorType: letter.reason, LogKeys.errorMessage: letter.message,
                LogKeys.destination: letter.topic, LogKeys.partition: letter.partition, LogKeys.offset: letter.offset,
            ])
    }
}
