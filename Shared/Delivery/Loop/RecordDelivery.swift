import Contracts
import Lifecycle
import MessageBus
import Telemetry

/// Handles records and emits what follows from them, with all retries: the same for a batch and for a slow record.
struct RecordDelivery: Sendable {
    let service: String
    let producer: any MessageProducer
    let logger: Logger
    let metrics: DeliveryMetrics
    let policy: RetryPolicy
    let now: @Sendable () -> Timestamp
    let gate: LaneGate
    let waits: LaneWaits
    /// Whether other records are handled meanwhile. They do not wait for a dependency that only some records need, and
    /// a cancelled task emits nothing: its record is delivered again.
    let isInFlight: Bool
    let handle: @Sendable ([Record]) async throws -> [OutgoingRecord]

    /// Handles the records and emits what follows. If that fails because of the records, bisects the batch to find the
    /// record that cannot be applied, or whose emission is too large for a topic. Only that record goes to the retry
    /// topic or to the dead letters. Records that were applied before are applied again, which has no effect.
    /// - Returns: the number of emitted records; `nil` if the service shut down while waiting for a dependency. The
    ///   offsets must not be committed in this case, and the records are delivered again after the restart.
    func deliver(_ records: [Record], _ retryBudget: inout RetryBudget) async throws -> Int? {
        do {
            let emission = try await untilItWorks(&retryBudget) { try await handle(records) }
            guard let emission else { return nil }
            FaultPoint.afterCommit.reached(by: service)
            try checkAbandoned()
            let emitted = try await send(emission, &retryBudget)
            FaultPoint.afterEmit.reached(by: service)
            return emitted
        } catch  where Fault(error).isOfRecords {
            try checkAbandoned()
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

    /// Repeats a call while a dependency is unavailable, with the partitions paused. A temporary fault of these records
    /// is retried only while the retry budget allows it.
    /// - Returns: the result of the call; `nil` if the service is shutting down.
    func untilItWorks<Result>(
        _ retryBudget: inout RetryBudget, _ body: () async throws -> Result
    ) async throws -> Result? {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var hasWaited = false
        var isPaused = false
        while true {
            do {
                let result = try await body()
                if isPaused { await endWait(&retryBudget) } else if hasWaited { retryBudget.renew() }
                return result
            } catch {
                let fault = Fault(error)
                guard fault == .dependency || fault == .temporary && retryBudget.allowsRetry else {
                    if isPaused, fault.isOfRecords || isAbandoned { await endWait(&retryBudget) }
                    throw error
                }
                if fault == .dependency {
                    hasWaited = true
                    if !isPaused, !isInFlight || Fault.isShared(error) {
                        isPaused = true
                        gate.release()
                        await waits.beginDependencyWait(error)
                    }
                }
                metrics.retries.increment()
                guard await sleepUnlessShutDown(for: backoff.next(using: &generator)) else {
                    // The other records of the loop must not wait for one that was abandoned.
                    if isPaused, isAbandoned { await endWait(&retryBudget) }
                    return nil
                }
            }
        }
    }

    /// Writes records. Every record of a service is written here, so that every dead letter is counted and logged.
    private func send(_ records: [OutgoingRecord], _ retryBudget: inout RetryBudget) async throws -> Int? {
        guard try await write(records, &retryBudget) else { return nil }
        for record in records { if let letter = DeadLetter.summary(of: record) { report(letter) } }
        return records.count
    }

    /// Writes records. On the embedded broker the producer may have to wait until readers have caught up; the
    /// partitions are paused in the meantime. Without the pause, this member would not poll and would block its group,
    /// and the bulk lane would wait behind an interactive batch.
    /// - Returns: `false` if the service is shutting down.
    private func write(_ records: [OutgoingRecord], _ retryBudget: inout RetryBudget) async throws -> Bool {
        var pauses = 0
        do {
            let sent: Void? = try await untilItWorks(&retryBudget) {
                try await producer.send(records) {
                    pauses += 1
                    gate.release()
                    await waits.pause()
                }
            }
            if sent != nil || isAbandoned { await resume(pauses, &retryBudget) }
            return sent != nil
        } catch {
            await resume(pauses, &retryBudget)
            throw error
        }
    }

    private func resume(_ pauses: Int, _ retryBudget: inout RetryBudget) async {
        guard pauses > 0 else { return }
        retryBudget.renew()
        for _ in 0..<pauses { await waits.resume() }
        gate.retake()
    }

    private func endWait(_ retryBudget: inout RetryBudget) async {
        retryBudget.renew()
        await waits.endDependencyWait { gate.retake() }
    }

    /// Whether the record was given up, because its partition was revoked or the process stops. Whoever gets it next
    /// also emits what follows from it.
    private var isAbandoned: Bool { isInFlight && Task.isCancelled }

    private func checkAbandoned() throws { if isAbandoned { throw CancellationError() } }
}

extension RecordDelivery {
    /// Writes failed records to the retry topic or to the dead letters.
    /// - Returns: the number of written records; `nil` if the service is shutting down.
    private func putAside(
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

    private func report(_ letter: DeadLetter.Summary) {
        metrics.deadLettered(letter)
        logger.error(
            "Record dead-lettered",
            metadata: [
                LogKeys.errorType: letter.reason, LogKeys.errorMessage: letter.message,
                LogKeys.destination: letter.topic, LogKeys.partition: letter.partition, LogKeys.offset: letter.offset,
            ])
    }
}
