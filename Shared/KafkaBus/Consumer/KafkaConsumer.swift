import CRDKafka
import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// A member of a consumer group. All librdkafka calls that poll, commit or pause are made on one thread.
public final class KafkaConsumer: MessageConsumer, TopicSubscriber {
    let handle: KafkaHandle
    private let assignment: Assignment
    private let source: RecordSource
    private let bounds: RecordSource.Bounds
    private let consumed: ConsumedRecords
    private let progress: ConsumerProgress
    private let topics: Mutex<[String]>
    private let membership = GroupMembership()
    private let thread = ThreadExecutor()
    private let isStopped = Atomic(false)
    private let isPaused = Atomic(false)
    private let isClosed = Atomic(false)
    /// The number of calls that wait for the consumer's thread. A running poll ends early for them.
    private let waiting = Atomic(0)
    /// The number of assignment changes when the last batch was returned.
    private let changesAtLastBatch = Atomic(0)

    /// Joins the group. The first batch may take as long as the group needs to rebalance.
    /// - Parameter accumulation: how long a batch waits for more records after its first one; `nil` uses the setting.
    /// - Throws: `MessageBusError.configuration`. A topic that does not exist yet is not an error.
    public convenience init(
        settings: KafkaSettings, group: String, topics: [String], maxBatch: Int = 500, accumulation: Duration? = nil,
        logger: Logger, metrics: Metrics
    ) throws(MessageBusError) {
        try self.init(
            settings: settings, group: group, topics: topics, maxBatch: maxBatch, accumulation: accumulation,
            progress: ProgressWatch.Bounds(), logger: logger, metrics: metrics)
    }

    /// - Parameter progress: when the consumer counts as stalled.
    init(
        settings: KafkaSettings, group: String, topics: [String], maxBatch: Int = 500, accumulation: Duration? = nil,
        progress: ProgressWatch.Bounds, logger: Logger, metrics: Metrics
    ) throws(MessageBusError) {
        let lag = ConsumerLag(group: group, metrics: metrics)
        assignment = Assignment(group: group, lag: lag, metrics: metrics)
        handle = try KafkaHandle(
            .consumer, Properties.member(settings, clientID: logger.service, group: group),
            events: ClientEvents(
                client: "consumer", logger: logger, metrics: metrics, assignment: assignment, lag: lag))
        source = RecordSource(handle, group: group, metrics: metrics)
        bounds = RecordSource.Bounds(records: maxBatch, accumulation: accumulation ?? settings.accumulation)
        consumed = ConsumedRecords(group: group, metrics: metrics)
        self.progress = ConsumerProgress(progress, group: group, logger: logger, metrics: metrics)
        self.topics = Mutex(topics)
        do {
            try subscribe()
        } catch {
            thread.stop()
            throw error
        }
    }

    deinit { thread.stop() }

    public var partitionCount: Int { assignment.partitions.count }

    public func connect() async throws {
        _ = try await onThread { try ClusterMetadata.read($0.handle, timeout: 2_000) }
    }

    public func onProgress(_ body: @escaping @Sendable (Bool) -> Void) { progress.onChange(body) }

    /// Cancelling the task stops the consumer.
    public func nextBatch() async throws -> [Record]? {
        try await withTaskCancellationHandler {
            try await pollBatch()
        } onCancel: {
            stop()
        }
    }

    private func pollBatch() async throws -> [Record]? {
        while !isStopped.load(ordering: .acquiring) {
            let batch = try await onThread { consumer in
                while true {
                    let isAway = try consumer.followMembership()
                    let batch = isAway ? [] : try consumer.source.batch(consumer.bounds)
                    if batch.isEmpty {
                        // An error is reported by the commit of the next batch.
                        try? consumer.commitOwed()
                        try consumer.watchProgress(isAway: isAway)
                    } else {
                        consumer.progress.reset()
                        consumer.changesAtLastBatch.store(consumer.assignment.changes, ordering: .releasing)
                    }
                    if !batch.isEmpty || consumer.mustReturn { return batch }
                }
            }
            if !batch.isEmpty {
                consumed.count(batch)
                return batch
            }
        }
        return nil
    }

    public func assignment(of partition: TopicPartition) -> Int? {
        assignment.number(of: partition, since: changesAtLastBatch.load(ordering: .acquiring))
    }

    public func onRevocation(_ body: @escaping @Sendable (PartitionRevocation) -> Void) {
        assignment.onRevocation(body) { [weak self] in
            self?.submit { consumer in
                consumer.handle.withPointer { consumer.assignment.completeRevocation($0, consumer.handle.events) }
            }
        }
    }

    public func commit(_ records: [Record]) async throws {
        let offsets = records.offsetsToCommit
        guard !offsets.isEmpty else { return }
        try await onThread { consumer in
            let last = consumer.changesAtLastBatch.load(ordering: .acquiring)
            try consumer.commit(consumer.assignment.due(adding: offsets, since: last))
        }
    }

    public func commit(_ positions: [CommitPosition]) async throws {
        try await onThread { try $0.commit($0.assignment.due(adding: positions)) }
    }

    public func pause() async {
        isPaused.store(true, ordering: .releasing)
        try? await onThread { consumer in
            consumer.handle.withPointer { consumer.assignment.setPaused(true, $0) }
            consumer.pollWhilePaused()
        }
    }

    public func resume() async {
        isPaused.store(false, ordering: .releasing)
        try? await onThread { consumer in
            consumer.handle.withPointer { consumer.assignment.setPaused(false, $0) }
            consumer.progress.reset()
        }
    }

    /// While the consumer is out of its group, it only stores the topics for the time when it rejoins.
    public func subscribe(to topics: [String]) async throws {
        self.topics.withLock { $0 = topics }
        try await onThread { consumer in
            guard consumer.membership.isActive, !consumer.isClosed.load(ordering: .acquiring) else { return }
            try consumer.subscribe()
        }
    }

    public func leave(_ left: @escaping @Sendable () -> Void) {
        membership.leave(left)
        handle.wake()
    }

    public func rejoin() {
        membership.rejoin()
        handle.wake()
    }

    public func stop() {
        isStopped.store(true, ordering: .releasing)
        handle.wake()
    }

    public func close() async {
        stop()
        isPaused.store(false, ordering: .releasing)
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        try? await onThread { consumer in
            // Nobody waits for records in flight any more.
            consumer.assignment.onRevocation(nil)
            consumer.handle.withPointer { consumer.assignment.completeRevocation($0, consumer.handle.events) }
            try? consumer.commitOwed()
            let code = consumer.handle.withPointer { rd_kafka_consumer_close($0) }
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { consumer.handle.events.note(code, "leaving the group failed") }
        }
    }

    private var mustReturn: Bool {
        isStopped.load(ordering: .acquiring) || waiting.load(ordering: .acquiring) > 0
    }

    /// Calls `body` on the thread soon, without waiting for it.
    private func submit(_ body: @escaping @Sendable (KafkaConsumer) -> Void) {
        waiting.add(1, ordering: .acquiringAndReleasing)
        handle.wake()
        thread.submit {
            self.waiting.subtract(1, ordering: .acquiringAndReleasing)
            body(self)
        }
    }

    func onThread<Result: Sendable>(
        _ body: @escaping @Sendable (KafkaConsumer) throws -> Result
    ) async throws -> Result {
        waiting.add(1, ordering: .acquiringAndReleasing)
        handle.wake()
        return try await thread.run {
            self.waiting.subtract(1, ordering: .acquiringAndReleasing)
            return try body(self)
        }
    }

    /// Keeps polling while the loop is paused and requests no batch, since a member that does not poll for 5 minutes is
    /// removed from its group.
    private func pollWhilePaused() {
        guard isPaused.load(ordering: .acquiring), !isClosed.load(ordering: .acquiring) else { return }
        // An error is reported by the next batch.
        if waiting.load(ordering: .acquiring) == 0 { try? source.serve() }
        thread.submit { [weak self] in self?.pollWhilePaused() }
    }

    private func subscribe() throws(MessageBusError) {
        assignment.noteSubscription()
        let list = PartitionList(
            topics.withLock(\.self).map { TopicPartition(topic: $0, partition: RD_KAFKA_PARTITION_UA) })
        let code = handle.withPointer { rd_kafka_subscribe($0, list.pointer) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "subscribe") }
    }

    private func unsubscribe() throws(MessageBusError) {
        let code = handle.withPointer { rd_kafka_unsubscribe($0) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw MessageBusError(code, while: "unsubscribe") }
    }

    /// Leaves or rejoins the group if that was requested. While the consumer is out of its group, polls the client, so
    /// that its events do not accumulate.
    /// - Returns: whether the consumer is out of its group, so that no records may be returned.
    private func followMembership() throws(MessageBusError) -> Bool {
        guard !membership.isActive else { return false }
        switch membership.move(holdsPartitions: !assignment.partitions.isEmpty) {
        case .subscribe:
            try subscribe()
            return false
        case .unsubscribe: try unsubscribe()
        case .none: break
        }
        // The partitions are given up during a poll, which therefore must complete.
        try source.drop(wait: membership.isMoving ? .milliseconds(50) : RecordSource.idlePoll)
        return true
    }

    /// Rejoins the group if records wait and none arrived for a minute.
    private func watchProgress(isAway: Bool) throws(MessageBusError) {
        guard !isAway else { return progress.reset(unlessStalled: !membership.mustLeave) }
        guard !isPaused.load(ordering: .acquiring) else { return progress.reset() }
        let mustRejoin = progress.look(unassignedSince: assignment.unassignedSince) {
            hasUnread(handle, Array(assignment.partitions))
        }
        guard mustRejoin, membership.bounce() else { return }
        try unsubscribe()
    }

    private func commitOwed() throws { try commit(assignment.due(adding: [])) }

    /// Commits offsets, unless a rebalance is in progress: the coordinator may reject commits then. Offsets of
    /// partitions that this member gives up are committed in the rebalance itself. The others are committed with the
    /// next batch, or with the next poll that returns no records.
    private func commit(_ due: [(TopicPartition, offset: Int64)]) throws {
        guard !due.isEmpty, !assignment.isRebalancing else { return }
        let list = PartitionList(due)
        let code = handle.withPointer { list.commit($0) }
        switch code {
        case RD_KAFKA_RESP_ERR_NO_ERROR: assignment.settle(due)
        case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
            // The member was removed from the group, so the next owner of the partitions receives the records again.
            assignment.settle(due)
            handle.events.note(code, "offsets not committed; records are redelivered")
        case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS: assignment.noteRebalance()
        default: throw MessageBusError(code, while: "commit")
        }
    }
}

extension KafkaConsumer {
    /// Creates the consumer of one lane of a service. The bulk lane accepts a latency of half a second, and has small
    /// batches, so that no batch occupies the machine for long.
    /// - Parameters:
    ///   - maxBatch: the batch size of the interactive lane.
    ///   - bulkBatch: the batch size of the bulk lane, whose records contain up to 64 items per step.
    /// - Throws: `MessageBusError.configuration`
    public convenience init(
        settings: KafkaSettings, lane: Lane, group: String, topics: [String], maxBatch: Int = 500, bulkBatch: Int = 8,
        logger: Logger, metrics: Metrics
    ) throws(MessageBusError) {
        try self.init(
            settings: lane == .bulk ? settings.lowPriority : settings, group: group, topics: topics,
            maxBatch: lane == .bulk ? bulkBatch : maxBatch, logger: logger, metrics: metrics)
    }
}
