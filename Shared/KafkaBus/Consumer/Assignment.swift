import CRDKafka
import MessageBus
import Synchronization
import Telemetry

/// The partitions that are currently assigned to this member of a group.
final class Assignment: Sendable {
    private struct State {
        /// Each partition with the number of the change that assigned it.
        var partitions: [TopicPartition: Int] = [:]
        /// The partitions that are given up once their records in flight are done; `nil` while no revocation waits.
        var revoking: Set<TopicPartition>?
        /// Whether the partitions of `revoking` may be given up.
        var isReleased = false
        var onRevocation: (@Sendable (PartitionRevocation) -> Void)?
        /// Lets the consumer's thread complete the revocation.
        var onRelease: (@Sendable () -> Void)?
        /// Offsets of processed records that are not committed yet.
        var uncommitted: [TopicPartition: Int64] = [:]
        var rebalancingSince: ContinuousClock.Instant?
        /// Whether partitions were given up since the last assignment, in a rebalance that is still in progress.
        var hasGivenAway = false
        var isPaused = false
        /// The time since which this member waits for an assignment; `nil` while it has one, even an empty one.
        var unassignedSince: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let changeCount = Atomic(0)
    private let wasAssigned = Atomic(false)
    private let joinWasSent = Atomic(false)
    private let revocationWaits = Atomic(false)
    private let lag: ConsumerLag
    private let rebalances: Counter

    init(group: String, lag: ConsumerLag, metrics: Metrics) {
        self.lag = lag
        rebalances = metrics.counter(
            "winnow_kafka_rebalances_total", "Changes of the partitions assigned to a member.", [("group_id", group)])
    }

    var partitions: Set<TopicPartition> { state.withLock { Set($0.partitions.keys) } }

    /// The number of assignment changes so far.
    var changes: Int { changeCount.load(ordering: .acquiring) }

    /// Whether the partition is assigned and has not been revoked and reassigned since the given change.
    func holds(_ partition: TopicPartition, since change: Int) -> Bool { number(of: partition, since: change) != nil }

    /// - Returns: the number of the change that assigned the partition; `nil` if it was revoked since `change`.
    func number(of partition: TopicPartition, since change: Int) -> Int? {
        state.withLock { state in
            guard state.revoking?.contains(partition) != true else { return nil }
            return state.partitions[partition].flatMap { $0 <= change ? $0 : nil }
        }
    }

    /// Whether a revocation waits, so that fetched records may belong to its partitions.
    var isRevoking: Bool { revocationWaits.load(ordering: .acquiring) }

    /// - Parameters:
    ///   - body: `nil` if revoked partitions are given up at once.
    ///   - release: called once `completeRevocation` may be called.
    func onRevocation(_ body: (@Sendable (PartitionRevocation) -> Void)?, release: (@Sendable () -> Void)? = nil) {
        state.withLock { state in
            state.onRevocation = body
            state.onRelease = release
        }
    }

    /// Whether the client may be destroyed.
    ///
    /// librdkafka 2.0.2 aborts the process if a client is destroyed between its first JoinGroup and its first
    /// assignment: `rdkafka_sticky_assignor.c` asserts a state that only an assignment sets.
    var allowsDestruction: Bool {
        wasAssigned.load(ordering: .acquiring) || !joinWasSent.load(ordering: .acquiring)
    }

    /// The time since which this member waits for an assignment; `nil` while it has one, even an empty one.
    var unassignedSince: ContinuousClock.Instant? { state.withLock(\.unassignedSince) }

    /// Whether a rebalance is in progress: this member has sent a JoinGroup or is about to, or the coordinator has
    /// rejected a commit, and no assignment has followed.
    ///
    /// A commit would wait behind the JoinGroup on the same connection and then be rejected, since it has the previous
    /// generation. librdkafka would then treat all partitions as lost, and their records would be delivered again.
    var isRebalancing: Bool {
        state.withLock { $0.rebalancingSince.map { .now - $0 < Self.longestRebalance } ?? false }
    }

    /// Called when a rebalance is known to have begun.
    func noteRebalance() { state.withLock { $0.rebalancingSince = $0.rebalancingSince ?? .now } }

    /// Called when a JoinGroup request was sent.
    func noteJoin() {
        joinWasSent.store(true, ordering: .releasing)
        noteRebalance()
    }

    /// Called before each subscription. It starts a new rebalance, to which partitions that were given up earlier do
    /// not belong.
    func noteSubscription() {
        state.withLock { state in
            state.hasGivenAway = false
            // A member with partitions may keep all of them, and then no assignment follows.
            if state.partitions.isEmpty { state.unassignedSince = .now }
        }
    }

    /// A rebalance that never completes must not block commits permanently.
    private static let longestRebalance = Duration.seconds(30)

    /// Adds the offsets of processed records.
    /// - Parameter change: the last change before these records were returned. Offsets of a partition that was revoked
    ///   since then are dropped, even if it was assigned again, since its records are delivered again.
    /// - Returns: the offsets to commit, including uncommitted offsets of other assigned partitions.
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

    /// Adds positions, which need not be of the last batch.
    /// - Returns: like the above.
    func due(adding positions: [CommitPosition]) -> [(TopicPartition, offset: Int64)] {
        state.withLock { state in
            for position in positions where state.partitions[position.partition] == position.assignment {
                state.uncommitted[position.partition] = position.offset
            }
            return state.uncommitted.map { ($0.key, offset: $0.value) }
        }
    }

    /// Called when the offsets are committed, or cannot be committed any more.
    func settle(_ offsets: [(TopicPartition, offset: Int64)]) {
        state.withLock { state in
            for (partition, offset) in offsets where state.uncommitted[partition] == offset {
                state.uncommitted[partition] = nil
            }
        }
    }

    /// Pauses or resumes the current partitions. The state also applies to partitions that are assigned later.
    func setPaused(_ isPaused: Bool, _ client: OpaquePointer) {
        let partitions = state.withLock { state -> Set<TopicPartition>? in
            guard state.isPaused != isPaused else { return nil }
            state.isPaused = isPaused
            return Set(state.partitions.keys)
        }
        // Resuming a partition that is not paused would discard its prefetched records.
        guard let partitions else { return }
        let list = PartitionList(partitions)
        Self.setPaused(isPaused, list.pointer, client)
    }

    private static func setPaused(
        _ isPaused: Bool, _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>, _ client: OpaquePointer
    ) {
        _ = isPaused ? rd_kafka_pause_partitions(client, list) : rd_kafka_resume_partitions(client, list)
    }

    /// Applies a rebalance. librdkafka calls this during a poll, on the consumer's thread.
    func change(
        _ client: OpaquePointer, _ code: rd_kafka_resp_err_t,
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>, _ events: ClientEvents
    ) {
        rebalances.increment()
        let isCooperative = Self.isCooperative(client)
        let partitions = PartitionList.entries(list).map(\.partition)
        let metadata = [LogKeys.count: "\(partitions.count)", "winnow.partitions": "\(partitions)"]
        switch code {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            check(events, isCooperative ? rd_kafka_incremental_assign(client, list) : nil)
            if !isCooperative { check(events, rd_kafka_assign(client, list)) }
            let isPaused = add(partitions)
            // librdkafka keeps the pause flag of a partition that was lost and is assigned again. So every partition is
            // explicitly paused or resumed.
            Self.setPaused(isPaused, list, client)
            events.logger.info("Partitions assigned", metadata: metadata)
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            let isLost = rd_kafka_assignment_lost(client) != 0
            let tell = state.withLock { state in
                state.rebalancingSince = nil
                state.hasGivenAway = isCooperative && !isLost
                state.revoking = isLost ? nil : Set(partitions)
                state.isReleased = false
                return state.onRevocation
            }
            revocationWaits.store(!isLost, ordering: .releasing)
            if isLost {
                events.logger.warning("Partitions lost: the member was removed from its group", metadata: metadata)
                tell?(PartitionRevocation(partitions: Set(partitions), isLost: true))
                giveUp(partitions, client, events)
            } else {
                events.logger.info("Partitions revoked", metadata: metadata)
                // Records that were fetched and not returned are dropped now.
                changeCount.add(1, ordering: .acquiringAndReleasing)
                guard let tell else { return completeRevocation(client, events) }
                tell(PartitionRevocation(partitions: Set(partitions), isLost: false) { [self] in release() })
                if state.withLock(\.isReleased) { completeRevocation(client, events) }
            }
        default:
            events.note(code, "rebalance failed")
            state.withLock { state in
                state.rebalancingSince = nil
                state.revoking = nil
            }
            revocationWaits.store(false, ordering: .releasing)
            drop(self.partitions)
            check(events, rd_kafka_assign(client, nil))
        }
    }

    /// Lets the revocation that waits complete. Called from any thread, also during the rebalance callback.
    private func release() {
        let released = state.withLock { state in
            guard state.revoking != nil else { return nil as (@Sendable () -> Void)? }
            state.isReleased = true
            return state.onRelease
        }
        released?()
    }

    /// Gives up the partitions of the revocation that waits, if there is one. Called on the consumer's thread.
    func completeRevocation(_ client: OpaquePointer, _ events: ClientEvents) {
        let revoking = state.withLock { state in
            defer { state.revoking = nil }
            return state.revoking
        }
        guard let partitions = revoking.map(Array.init) else { return }
        revocationWaits.store(false, ordering: .releasing)
        // Without this commit, the next owner would repeat the work and its costs.
        if rd_kafka_assignment_lost(client) == 0 { commit(client, partitions, events) }
        giveUp(partitions, client, events)
    }

    private func giveUp(_ partitions: [TopicPartition], _ client: OpaquePointer, _ events: ClientEvents) {
        drop(partitions)
        guard Self.isCooperative(client) else { return check(events, rd_kafka_assign(client, nil)) }
        let list = PartitionList(partitions)
        check(events, rd_kafka_incremental_unassign(client, list.pointer))
    }

    /// With the EAGER protocol, which an overridden strategy may use, all partitions are assigned and revoked at once.
    private static func isCooperative(_ client: OpaquePointer) -> Bool {
        rd_kafka_rebalance_protocol(client).map { String(cString: $0) } == "COOPERATIVE"
    }

    /// - Returns: whether the new partitions must be paused.
    private func add(_ partitions: [TopicPartition]) -> Bool {
        wasAssigned.store(true, ordering: .releasing)
        let change = changeCount.add(1, ordering: .acquiringAndReleasing).newValue
        return state.withLock { state in
            // In the cooperative protocol, another join follows an assignment if partitions were given up.
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
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { events.note(code, "offsets not committed; records are redelivered") }
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
        // The next owner reports the lag from now on.
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
