import Contracts
import Lifecycle
import MessageBus
import Telemetry

/// Polls, applies, emits and commits, in this order. A crash at any point repeats work and loses none.
///
/// No outbox is needed, since Kafka redelivers records whose offsets are not committed
/// (`infra/decisions/0002-redelivery-is-the-outbox.md`). A batch is done before the next one is polled, except for its
/// slow records: they stay in flight (`infra/decisions/0052-records-in-flight.md`).
public struct DeliveryLoop<Handler: BatchHandler>: Service {
    private let service: String
    private let consumer: any MessageConsumer
    private let handler: Handler
    private let metrics: DeliveryMetrics
    private let policy: RetryPolicy
    private let lane: Lane
    private let gate: LaneGate
    private let pausesAfter: Duration
    private let onReadiness: @Sendable (Bool) -> Void
    private let waits: LaneWaits
    private let delivery: RecordDelivery
    private let inFlight: InFlightRecords
    private let slow: SlowRecords

    /// - Parameters:
    ///   - inFlight: the bounds of the records that `BatchHandler.isSlow` names.
    ///   - gate: coordinates the loops of the two lanes.
    ///   - pausesAfter: how long the loop waits for records that are not due, or for room for slow records, before it
    ///     pauses its partitions. A shorter wait is not worth a pause, which discards the records that the client has
    ///     prefetched: it delays a rebalance no longer than a batch does.
    ///   - onReadiness: called with whether the loop can make progress.
    public init(
        service: String, consumer: any MessageConsumer, producer: any MessageProducer, handler: Handler, logger: Logger,
        metrics: Metrics, policy: RetryPolicy = RetryPolicy(), inFlight: InFlightLimits = InFlightLimits(),
        now: @escaping @Sendable () -> Timestamp = { .now },
        lane: Lane = .interactive, gate: LaneGate = LaneGate(), pausesAfter: Duration = .seconds(1),
        onReadiness: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        let metrics = DeliveryMetrics(metrics, consumerGroup: ConsumerGroup.name(of: service))
        let waits = LaneWaits(consumer: consumer, logger: logger, onReadiness: onReadiness)
        func delivery(
            isInFlight: Bool, _ handle: @escaping @Sendable ([Record]) async throws -> [OutgoingRecord]
        ) -> RecordDelivery {
            RecordDelivery(
                service: service, producer: producer, logger: logger, metrics: metrics, policy: policy, now: now,
                gate: gate, waits: waits, isInFlight: isInFlight, handle: handle)
        }
        self.service = service
        self.consumer = consumer
        self.handler = handler
        self.metrics = metrics
        self.policy = policy
        self.lane = lane
        self.gate = gate
        self.pausesAfter = pausesAfter
        self.onReadiness = onReadiness
        self.waits = waits
        self.delivery = delivery(isInFlight: false) { try await handler.handle($0) }
        self.inFlight = InFlightRecords(inFlight, gauge: metrics.inFlight)
        slow = SlowRecords(
            inFlight: self.inFlight, consumer: consumer,
            delivery: delivery(isInFlight: true) { records in
                var emission: [OutgoingRecord] = []
                for record in records { emission += try await handler.handleSlow(record) }
                return emission
            }, waits: waits)
    }

    public func run() async throws {
        try await withGracefulShutdownHandler {
            guard try await connect() else { return await consumer.close() }
            consumer.onProgress(onReadiness)
            onReadiness(true)
            try await slow.run {
                try await withThrowingDiscardingTaskGroup { tasks in
                    while let batch = try await consumer.nextBatch() {
                        guard let records = await due(batch) else { break }
                        guard !records.isEmpty else { continue }
                        let taken = take(records)
                        for token in taken.slow {
                            tasks.addTask(executorPreference: globalConcurrentExecutor) { await slow.handle(token) }
                        }
                        guard try await process(taken) else { break }
                        if !taken.slow.isEmpty { await slow.makeRoom(pausingAfter: pausesAfter) }
                    }
                    onReadiness(false)
                    try await slow.stop()
                }
            }
            await consumer.close()
        } onGracefulShutdown: {
            consumer.stop()
        }
    }

    /// Waits until the broker and the handler's dependencies answer.
    /// - Returns: `false` if the service is shutting down.
    private func connect() async throws -> Bool {
        var retryBudget = RetryBudget(nil)
        let connected: Void? = try await delivery.untilItWorks(&retryBudget) {
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
            group.addTask { [pausesAfter, waits] in
                guard await sleepUnlessShutDown(for: pausesAfter) else { return false }
                await waits.pause()
                return true
            }
            let isDue = await handler.waitUntilDue(records)
            group.cancelAll()
            return (isDue, await group.next() ?? false)
        }
        guard isDue else { return nil }
        if isPaused { await waits.resume() }
        return consumer.held(records)
    }

    /// The records of a batch.
    private struct Taken {
        var quick: [Record] = []
        /// The assignments of the quick records; empty if the batch is committed as a whole.
        var assignments: [Int] = []
        /// The tasks to start for slow records.
        var slow: [InFlightRecords.Token] = []
    }

    /// Divides a batch into records that are handled together now and slow ones. Without records in flight, the batch
    /// is committed as a whole. Otherwise each record is tracked, and nothing above the lowest open one is committed.
    private func take(_ records: [Record]) -> Taken {
        let areSlow = records.map { $0.offset >= 0 && handler.isSlow($0) }
        guard areSlow.contains(true) || !inFlight.isEmpty else { return Taken(quick: records) }
        var taken = Taken()
        for (record, isSlow) in zip(records, areSlow) {
            // The new owner of a revoked partition handles its records.
            guard let assignment = consumer.assignment(of: record.topicPartition) else { continue }
            if isSlow || inFlight.isOpen(record) {
                if let token = inFlight.take(record, assignment) { taken.slow.append(token) }
            } else {
                inFlight.takeQuick(record, assignment)
                taken.quick.append(record)
                taken.assignments.append(assignment)
            }
        }
        return taken
    }

    /// Handles the quick records of a batch.
    /// - Returns: `false` if the service shut down while waiting for a dependency.
    private func process(_ taken: Taken) async throws -> Bool {
        guard !taken.quick.isEmpty else { return true }
        let clock = ContinuousClock()
        let start = clock.now
        guard let emitted = try await gate.pass(lane, { try await apply(taken) }) else { return false }
        metrics.processed(taken.quick.count, emitted: emitted, took: clock.now - start)
        return true
    }

    /// - Returns: the number of emitted records; `nil` if the service shut down while waiting for a dependency. The
    ///   offsets are not committed in this case, and the records are delivered again after the restart.
    private func apply(_ taken: Taken) async throws -> Int? {
        FaultPoint.beforeApply.reached(by: service)
        var retryBudget = RetryBudget(policy)
        let records = taken.quick
        guard let emitted = try await delivery.deliver(records, &retryBudget) else { return nil }
        guard taken.assignments.isEmpty else {
            inFlight.finish(Array(zip(records, taken.assignments)))
            return emitted
        }
        FaultPoint.beforeOffsetCommit.reached(by: service)
        let committed: Void? = try await delivery.untilItWorks(&retryBudget) { try await consumer.commit(records) }
        return committed == nil ? nil : emitted
    }
}
