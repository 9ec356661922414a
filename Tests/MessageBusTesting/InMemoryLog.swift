import Contracts
import MessageBus

/// The state of the in-memory bus: records, group members, positions and committed offsets.
struct InMemoryLog {
    enum Membership { case joined, leaving, away }

    struct Member {
        var topics: [String]
        var positions: [TopicPartition: Int64] = [:]
        /// The number of each partition's assignment.
        var assignments: [TopicPartition: Int] = [:]
        /// Partitions that are given up once the member has completed their revocation.
        var revoking: Set<TopicPartition> = []
        var onRevocation: (@Sendable (PartitionRevocation) -> Void)?
        var isPaused = false
        var isStopped = false
        var membership = Membership.joined
        /// Called once the member is away and has no partition.
        var gone: (@Sendable () -> Void)?
    }

    struct Group {
        var committed: [TopicPartition: Int64] = [:]
        var members: [Int: Member] = [:]
    }

    /// A revocation that a member must be told of, outside of the lock.
    struct RevocationNotice {
        let group: String
        let member: Int
        let partitions: Set<TopicPartition>
        let isLost: Bool
        let tell: @Sendable (PartitionRevocation) -> Void
    }

    /// Returns the action to run outside of the lock once its condition holds.
    typealias Waiter = @Sendable (inout InMemoryLog) -> (@Sendable () -> Void)?

    private var topics: [String: [[Record]]]
    var groups: [String: Group] = [:]
    var waiters: [Int: Waiter] = [:]
    var cancelled: Set<Int> = []
    /// To run outside of the lock, in order.
    private var actions: [@Sendable () -> Void] = []
    private var revocations: [RevocationNotice] = []
    private var nextID = 0
    private var unkeyed = 0

    init(topics: [String: Int]) { self.topics = topics.mapValues { Array(repeating: [], count: $0) } }

    mutating func create(_ topic: String, partitions: Int) {
        guard topics[topic] == nil else { return }
        topics[topic] = Array(repeating: [], count: partitions)
        for group in groups.keys { share(group) }
    }

    func partitions(of topic: String) -> Int? { topics[topic]?.count }

    func records(in topic: String) -> [Record] { topics[topic, default: []].flatMap { $0 } }

    func committed(_ group: String, _ topic: String) -> Int {
        groups[group]?.committed.reduce(0) { $1.key.topic == topic ? $0 + Int($1.value) : $0 } ?? 0
    }

    mutating func append(_ record: OutgoingRecord, _ time: Timestamp) {
        guard let count = topics[record.topic]?.count else { return }
        if record.key == nil { unkeyed += 1 }
        let partition = record.key.map { Murmur2.partition($0, of: count) } ?? unkeyed % count
        let offset = topics[record.topic]?[partition].count ?? 0
        topics[record.topic]?[partition].append(
            Record(
                topic: record.topic, partition: Int32(partition), offset: Int64(offset), timestamp: time,
                key: record.key, value: record.value, headers: record.headers))
    }

    mutating func join(_ group: String, topics: [String]) -> Int {
        nextID += 1
        let member = nextID
        groups[group, default: Group()].members[member] = Member(topics: topics)
        share(group)
        return member
    }

    mutating func subscribe(_ group: String, _ member: Int, _ topics: [String]) {
        groups[group]?.members[member]?.topics = topics
        share(group)
    }

    mutating func leave(_ group: String, _ member: Int) {
        groups[group]?.members[member] = nil
        share(group)
    }

    mutating func depart(_ group: String, _ member: Int) {
        guard groups[group]?.members[member]?.membership == .leaving else { return }
        groups[group]?.members[member]?.membership = .away
        share(group)
    }

    mutating func completeRevocation(_ group: String, _ member: Int, _ partitions: Set<TopicPartition>) {
        for partition in partitions where groups[group]?.members[member]?.revoking.remove(partition) != nil {
            groups[group]?.members[member]?.positions[partition] = nil
        }
        share(group)
    }

    /// Takes all partitions from the member at once, as if it had been removed from its group, and assigns them again.
    mutating func lose(_ group: String, _ member: Int) {
        let lost = Set((groups[group]?.members[member]?.positions ?? [:]).keys)
        groups[group]?.members[member]?.positions = [:]
        groups[group]?.members[member]?.revoking = []
        announce(group, member, lost, isLost: true)
        share(group)
    }

    mutating func rejoin(_ group: String, _ member: Int) {
        groups[group]?.members[member]?.membership = .joined
        share(group)
    }

    /// Returns records from the member's positions on, and advances the positions.
    mutating func poll(_ group: String, _ member: Int, _ maxCount: Int) -> [Record] {
        guard var reader = groups[group]?.members[member], !reader.isPaused else { return [] }
        var batch: [Record] = []
        for partition in reader.positions.keys.sorted(by: { ($0.topic, $0.partition) < ($1.topic, $1.partition) }) {
            guard let position = reader.positions[partition], batch.count < maxCount,
                !reader.revoking.contains(partition)
            else { continue }
            let records = topics[partition.topic]?[Int(partition.partition)].dropFirst(Int(position)) ?? []
            let taken = records.prefix(maxCount - batch.count)
            batch += taken
            reader.positions[partition] = position + Int64(taken.count)
        }
        groups[group]?.members[member] = reader
        return batch
    }

    mutating func commit(_ group: String, _ member: Int, _ records: [Record]) {
        for record in records {
            let partition = TopicPartition(topic: record.topic, partition: record.partition)
            guard groups[group]?.members[member]?.positions[partition] != nil else { continue }
            let known = groups[group]?.committed[partition] ?? 0
            groups[group]?.committed[partition] = max(known, record.offset + 1)
        }
    }

    mutating func commit(_ group: String, _ member: Int, _ positions: [CommitPosition]) {
        for position in positions {
            guard groups[group]?.members[member]?.assignments[position.partition] == position.assignment else {
                continue
            }
            groups[group]?.committed[position.partition] = position.offset
        }
    }

    mutating func nextWaiterID() -> Int {
        nextID += 1
        return nextID
    }

    /// Returns what is to be done outside of the lock: callbacks of members, and then waiters in the order of their
    /// arrival. Each waiter may change the state that the next one sees.
    mutating func takeReady() -> [@Sendable () -> Void] {
        var ready = actions
        actions = []
        for (id, waiter) in waiters.sorted(by: { $0.key < $1.key }) {
            guard let resume = waiter(&self) else { continue }
            waiters[id] = nil
            cancelled.remove(id)
            ready.append(resume)
        }
        return ready
    }

    mutating func takeRevocations() -> [RevocationNotice] {
        defer { revocations = [] }
        return revocations
    }

    /// Assigns every topic's partitions in turn. A member that keeps a partition continues at its position. A member
    /// with a callback for revocations keeps those that it must give up, without further records, until it has
    /// completed the revocation.
    private mutating func share(_ name: String) {
        guard var group = groups[name] else { return }
        var dealt: [Int: [TopicPartition: Int64]] = [:]
        var revoked: [Int: Set<TopicPartition>] = [:]
        func assign(_ partition: TopicPartition, to owner: Int) {
            nextID += 1
            dealt[owner, default: [:]][partition] = group.committed[partition] ?? 0
            group.members[owner]?.assignments[partition] = nextID
        }
        for (topic, partitions) in topics {
            let members = group.members.filter { $0.value.membership != .away && $0.value.topics.contains(topic) }
                .keys.sorted()
            for number in partitions.indices {
                let partition = TopicPartition(topic: topic, partition: Int32(number))
                let owner = members.isEmpty ? nil : members[number % members.count]
                let holder = group.members.first { $0.value.positions[partition] != nil }
                if let holder, let position = holder.value.positions[partition] {
                    let isRevoking = holder.value.revoking.contains(partition)
                    guard isRevoking || holder.key == owner || holder.value.onRevocation != nil else {
                        if let owner { assign(partition, to: owner) }
                        continue
                    }
                    dealt[holder.key, default: [:]][partition] = position
                    if holder.key != owner, !isRevoking { revoked[holder.key, default: []].insert(partition) }
                } else if let owner {
                    assign(partition, to: owner)
                }
            }
        }
        for (id, member) in group.members {
            var member = member
            member.positions = dealt[id] ?? [:]
            member.assignments = member.assignments.filter { member.positions[$0.key] != nil }
            member.revoking.formUnion(revoked[id] ?? [])
            if member.positions.isEmpty, member.membership == .away, let gone = member.gone {
                member.gone = nil
                actions.append(gone)
            }
            group.members[id] = member
        }
        groups[name] = group
        for (member, partitions) in revoked { announce(name, member, partitions, isLost: false) }
    }

    private mutating func announce(_ group: String, _ member: Int, _ partitions: Set<TopicPartition>, isLost: Bool) {
        guard let tell = groups[group]?.members[member]?.onRevocation else { return }
        revocations.append(
            RevocationNotice(group: group, member: member, partitions: partitions, isLost: isLost, tell: tell))
    }
}
