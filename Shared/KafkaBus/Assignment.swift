import CRDKafka
import MessageBus
import Synchronization
import Telemetry

/// The partitions that this member of a group has at the moment.
final class Assignment: Sendable {
    private struct State {
        var partitions: Set<TopicPartition> = []
        /// What was worked on, and the coordinator has not taken yet.
        var uncommitted: [TopicPartition: Int64] = [:]
        var rebalancingSince: ContinuousClock.Instant?
        /// Since the last assignment, in a rebalance that goes on.
        var hasGivenAway = false
        var losses = 0
        var isPaused = false
    }

    private let state = Mutex(State())
    private let lag: ConsumerLag
    private let rebalances: Counter

    init(group: String, lag: ConsumerLag, metrics: Metrics) {
        self.lag = lag
        rebalances = metrics.counter(
            "winnow_kafka_rebalances_total", "Changes of a member's partitions.", [("group_id", group)])
    }

    var partitions: Set<TopicPartition> { state.withLock(\.partitions) }

    /// How often partitions were taken away; tells whether a batch may hold records of lost ones.
    var losses: Int { state.withLock(\.losses) }

    func contains(_ partition: TopicPartition) -> Bool { state.withLock { $0.partitions.contains(partition) } }

    /// Whether this member has asked to join or is about to, or the coordinator has refused offsets, and no answer has come
    /// since.
    ///
    /// A commit would wait behind the join on the same connection and be refused after it, for it names the generation
    /// before; librdkafka then takes all partitions for lost, and their records come again.
    var isRebalancing: Bool {
        state.withLock { $0.rebalancingSince.map { .now - $0 < Self.longestRebalance } ?? false }
    }

    func noteRebalance() { state.withLock { $0.rebalancingSince = $0.rebalancingSince ?? .now } }

    /// What was given away before is of no rebalance that goes on.
    func noteSubscription() { state.withLock { $0.hasGivenAway = false } }

    /// A rebalance that nobody ends must not stop commits for good.
    private static let longestRebalance = Duration.seconds(30)

    /// - Returns: what is to be committed: these offsets, and those that were not taken before, of partitions still held.
    func due(adding offsets: [(TopicPartition, offset: Int64)]) -> [(TopicPartition, offset: Int64)] {
        state.withLock { state in
            for (partition, offset) in offsets where state.partitions.contains(partition) {
                state.uncommitted[partition] = offset
            }
            return state.uncommitted.map { ($0.key, offset: $0.value) }
        }
    }

    func settle(_ offsets: [(TopicPartition, offset: Int64)]) {
        state.withLock { state in
            for (partition, offset) in offsets where state.uncommitted[partition] == offset {
                state.uncommitted[partition] = nil
            }
        }
    }

    /// Holds for the partitions of now and for those that come while paused.
    func setPaused(_ isPaused: Bool, _ client: OpaquePointer) {
        let partitions = state.withLock { state in
            state.isPaused = isPaused
            return state.partitions
        }
        let list = PartitionList(partitions)
        if isPaused {
            rd_kafka_pause_partitions(client, list.pointer)
        } else {
            rd_kafka_resume_partitions(client, list.pointer)
        }
    }

    /// Does what the group decided. Called by librdkafka inside of a poll, on the consumer's thread.
    func change(
        _ client: OpaquePointer, _ code: rd_kafka_resp_err_t,
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>, _ events: ClientEvents
    ) {
        rebalances.increment()
        // EAGER, should the strategy be overridden, gives and takes everything at once.
        let isCooperative = rd_kafka_rebalance_protocol(client).map { String(cString: $0) } == "COOPERATIVE"
        let partitions = PartitionList.entries(list).map(\.partition)
        let metadata = [LogKeys.count: "\(partitions.count)", "winnow.partitions": "\(partitions)"]
        switch code {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            // In the cooperative protocol an assignment follows what was given away, and at once another join.
            state.withLock { state in
                state.rebalancingSince = state.hasGivenAway ? .now : nil
                state.hasGivenAway = false
            }
            check(events, isCooperative ? rd_kafka_incremental_assign(client, list) : nil)
            if !isCooperative { check(events, rd_kafka_assign(client, list)) }
            let isPaused = state.withLock { state in
                state.partitions.formUnion(partitions)
                return state.isPaused
            }
            if isPaused { rd_kafka_pause_partitions(client, list) }
            events.logger.info("Partitions assigned", metadata: metadata)
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            let isLost = rd_kafka_assignment_lost(client) != 0
            state.withLock { state in
                state.rebalancingSince = nil
                state.hasGivenAway = isCooperative && !isLost
            }
            if isLost {
                events.logger.warning("Partitions lost: the group went on without this member", metadata: metadata)
            } else {
                events.logger.info("Partitions revoked", metadata: metadata)
                // Their next owner would do again, and pay again for, what was refused while the group rebalanced.
                commit(client, partitions, events)
            }
            drop(partitions)
            check(events, isCooperative ? rd_kafka_incremental_unassign(client, list) : nil)
            if !isCooperative { check(events, rd_kafka_assign(client, nil)) }
        default:
            events.note(code, "rebalance failed")
            state.withLock { $0.rebalancingSince = nil }
            drop(self.partitions)
            check(events, rd_kafka_assign(client, nil))
        }
    }

    private func commit(_ client: OpaquePointer, _ partitions: [TopicPartition], _ events: ClientEvents) {
        let owed = due(adding: []).filter { partitions.contains($0.0) }
        guard !owed.isEmpty else { return }
        let list = PartitionList(owed)
        let code = list.commit(client)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { events.note(code, "offsets not committed, the records come again") }
    }

    private func drop(_ partitions: some Collection<TopicPartition>) {
        state.withLock {
            $0.partitions.subtract(partitions)
            for partition in partitions { $0.uncommitted[partition] = nil }
            $0.losses += 1
        }
        // Its new owner measures from now on.
        for partition in partitions { lag.set(0, partition) }
    }

    private func check(_ events: ClientEvents, _ error: OpaquePointer?) {
        guard let error else { return }
        events.note(rd_kafka_error_code(error), "rebalance not applied")
        rd_kafka_error_destroy(error)
    }

    private func check(_ events: ClientEvents, _ code: rd_kafka_resp_err_t) {
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { events.note(code, "rebalance not applied") }
    }
}
