import CRDKafka
import MessageBus
import Synchronization
import Telemetry

/// The partitions that this member of a group has at the moment.
final class Assignment: Sendable {
    private struct State {
        /// Each partition with the change that assigned it.
        var partitions: [TopicPartition: Int] = [:]
        /// Offsets of records that were worked on and that the coordinator has not taken yet.
        var uncommitted: [TopicPartition: Int64] = [:]
        var rebalancingSince: ContinuousClock.Instant?
        /// Whether partitions were given away since the last assignment, in a rebalance that goes on.
        var hasGivenAway = false
        var isPaused = false
        /// Since when this member waits for an assignment; `nil` while it has one, even of no partitions.
        var unassignedSince: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let changeCount = Atomic(0)
    private let wasAssigned = Atomic(false)
    private let joinWasSent = Atomic(false)
    private let lag: ConsumerLag
    private let rebalances: Counter

    init(group: String, lag: ConsumerLag, metrics: Metrics) {
        self.lag = lag
        rebalances = metrics.counter(
            "winnow_kafka_rebalances_total", "Changes of a member's partitions.", [("group_id", group)])
    }

    var partitions: Set<TopicPartition> { state.withLock { Set($0.partitions.keys) } }

    /// How often partitions came or went.
    var changes: Int { changeCount.load(ordering: .acquiring) }

    /// Whether the partition is held, and was not taken away and given back since the given change.
    func holds(_ partition: TopicPartition, since change: Int) -> Bool {
        state.withLock { $0.partitions[partition].map { $0 <= change } ?? false }
    }

    /// Whether the client may be destroyed.
    ///
    /// librdkafka 2.0.2 aborts the process when a client is destroyed between its first JoinGroup and its first
    /// assignment: `rdkafka_sticky_assignor.c` asserts on a state that only an assignment makes.
    var allowsDestruction: Bool {
        wasAssigned.load(ordering: .acquiring) || !joinWasSent.load(ordering: .acquiring)
    }

    /// Since when this member waits for an assignment; `nil` while it has one, even of no partitions.
    var unassignedSince: ContinuousClock.Instant? { state.withLock(\.unassignedSince) }

    /// Whether this member has asked to join or is about to, or the coordinator has refused offsets, and no answer has come
    /// since.
    ///
    /// A commit would wait behind the join on the same connection and be refused after it, because it names the generation
    /// before. librdkafka then takes all partitions for lost, and their records come again.
    var isRebalancing: Bool {
        state.withLock { $0.rebalancingSince.map { .now - $0 < Self.longestRebalance } ?? false }
    }

    func noteRebalance() { state.withLock { $0.rebalancingSince = $0.rebalancingSince ?? .now } }

    /// Called when a JoinGroup request was sent.
    func noteJoin() {
        joinWasSent.store(true, ordering: .releasing)
        noteRebalance()
    }

    /// Called before each subscription. Partitions that were given away earlier belong to no rebalance that goes on.
    func noteSubscription() {
        state.withLock { state in
            state.hasGivenAway = false
            // A member that has partitions may keep them all, and then no assignment follows.
            if state.partitions.isEmpty { state.unassignedSince = .now }
        }
    }

    /// A rebalance that nobody ends must not stop commits for good.
    private static let longestRebalance = Duration.seconds(30)

    /// - Parameter change: the last change before these records were handed out. The offsets of a partition that was taken
    ///   away since are dropped, also when it has come back: its records come again.
    /// - Returns: the offsets to commit: these, and those of held partitions that were not taken before.
    func due(adding offsets: [(TopicPartition, offset: Int64)], since change: Int) -> [(TopicPartition, offset: Int64)]
    {
        state.withLock { state in
            for (partition, offset) in offsets {
                guard let assigned = state.partitions[partition], assigned <= change else { continue }
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

    /// Applies to the partitions held now and to those that are assigned later.
    func setPaused(_ isPaused: Bool, _ client: OpaquePointer) {
        let partitions = state.withLock { state -> Set<TopicPartition>? in
            guard state.isPaused != isPaused else { return nil }
            state.isPaused = isPaused
            return Set(state.partitions.keys)
        }
        // Resuming what is not paused would fetch again what was fetched already.
        guard let partitions else { return }
        let list = PartitionList(partitions)
        Self.setPaused(isPaused, list.pointer, client)
    }

    private static func setPaused(
        _ isPaused: Bool, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>, _ client: OpaquePointer
    ) {
        _ = isPaused ? rd_kafka_pause_partitions(client, list) : rd_kafka_resume_partitions(client, list)
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
            check(events, isCooperative ? rd_kafka_incremental_assign(client, list) : nil)
            if !isCooperative { check(events, rd_kafka_assign(client, list)) }
            let isPaused = add(partitions)
            // librdkafka keeps the application's pause flag of a partition that was lost and is assigned again. So each
            // one is paused or resumed by what the loop wants now, and never left as it was.
            Self.setPaused(isPaused, list, client)
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
                // Otherwise the next owner would do the work again, and pay for it again.
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

    /// - Returns: whether the partitions are to be paused.
    private func add(_ partitions: [TopicPartition]) -> Bool {
        wasAssigned.store(true, ordering: .releasing)
        let change = changeCount.add(1, ordering: .acquiringAndReleasing).newValue
        return state.withLock { state in
            // In the cooperative protocol an assignment follows what was given away, and at once another join.
            state.rebalancingSince = state.hasGivenAway ? .now : nil
            state.hasGivenAway = false
            state.unassignedSince = nil
            for partition in partitions { state.partitions[partition] = change }
            return state.isPaused
        }
    }

    private func commit(_ client: OpaquePointer, _ partitions: [TopicPartition], _ events: ClientEvents) {
        let owed = due(adding: [], since: changes).filter { partitions.contains($0.0) }
        guard !owed.isEmpty else { return }
        let list = PartitionList(owed)
        let code = list.commit(client)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { events.note(code, "offsets not committed, the records come again") }
    }

    private func drop(_ partitions: some Collection<TopicPartition>) {
        changeCount.add(1, ordering: .acquiringAndReleasing)
        state.withLock { state in
            for partition in partitions {
                state.partitions[partition] = nil
                state.uncommitted[partition] = nil
            }
            state.unassignedSince = state.unassignedSince ?? .now
        }
        // The next owner measures from now on.
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

/// Whether a consumer is to stay away from its group, and whether it has left.
final class GroupMembership: Sendable {
    enum Move { case unsubscribe, subscribe, none }

    private struct State {
        var isWanted = false
        var hasLeft = false
        var gone: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Whether batches may be handed out.
    var isOver: Bool { state.withLock { !$0.isWanted && !$0.hasLeft } }

    /// Whether it is to stay away until it is called back.
    var isWanted: Bool { state.withLock(\.isWanted) }

    /// Whether it has something to do at once, and not within a second.
    var isMoving: Bool { state.withLock { $0.isWanted != $0.hasLeft || $0.gone != nil } }

    func begin(_ gone: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.isWanted else { return }
            state.isWanted = true
            state.gone = gone
        }
    }

    func end() {
        state.withLock { state in
            state.isWanted = false
            state.gone = nil
        }
    }

    /// Has a member leave the group and join it again.
    /// - Returns: whether it is to unsubscribe now; `false` when it is away or about to leave anyway.
    func bounce() -> Bool {
        state.withLock { state in
            guard !state.isWanted, !state.hasLeft else { return false }
            state.hasLeft = true
            return true
        }
    }

    /// What the consumer's thread is to do next. It subscribes again only once it holds no partition: librdkafka goes on
    /// behind what it has handed out, and what is fetched while leaving is dropped.
    func move(holdsPartitions: Bool) -> Move {
        let (move, gone) = state.withLock { state -> (Move, (@Sendable () -> Void)?) in
            switch (state.isWanted, state.hasLeft) {
            case (true, false):
                state.hasLeft = true
                return (.unsubscribe, nil)
            case (true, true) where !holdsPartitions:
                defer { state.gone = nil }
                return (.none, state.gone)
            case (false, true) where !holdsPartitions:
                state.hasLeft = false
                return (.subscribe, nil)
            default: return (.none, nil)
            }
        }
        gone?()
        return move
    }
}
