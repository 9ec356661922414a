import Contracts
import MessageBus

/// The state of the in-memory bus: records, group members, positions and committed offsets.
struct InMemoryLog {
    enum Membership { case joined, leaving, away }

    struct Member {
        var topics: [String]
        var positions: [TopicPartition: Int64] = [:]
        var isPaused = false
        var isStopped = false
        var membership = Membership.joined
        /// Called once the member is away.
        var gone: @Sendable () -> Void = {}
    }

    struct Group {
        var committed: [TopicPartition: Int64] = [:]
        var members: [Int: Member] = [:]
    }

    /// Returns the action to run outside of the lock once its condition holds.
    typealias Waiter = @Sendable (inout InMemoryLog) -> (@Sendable () -> Void)?

    private var topics: [String: [[Record]]]
    var groups: [String: Group] = [:]
    var waiters: [Int: Waiter] = [:]
    var cancelled: Set<Int> = []
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
        groups[group, default: Group()].members[nextID] = Member(topics: topics)
        share(group)
        return nextID
    }

    mutating func subscribe(_ group: String, _ member: Int, _ topics: [String]) {
        groups[group]?.members[member]?.topics = topics
        share(group)
    }

    mutating func leave(_ group: String, _ member: Int) {
        groups[group]?.members[member] = nil
        share(group)
    }

    /// - Returns: the callback of the member, or `nil` if it no longer wants to leave.
    mutating func depart(_ group: String, _ member: Int) -> (@Sendable () -> Void)? {
        guard groups[group]?.members[member]?.membership == .leaving else { return nil }
        groups[group]?.members[member]?.membership = .away
        share(group)
        return groups[group]?.members[member]?.gone
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
            guard let position = reader.positions[partition], batch.count < maxCount else { continue }
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

    mutating func nextWaiterID() -> Int {
        nextID += 1
        return nextID
    }

    /// Checks waiters in the order of their arrival. Each may change the state that the next one sees.
    mutating func takeReady() -> [@Sendable () -> Void] {
        var ready: [@Sendable () -> Void] = []
        for (id, waiter) in waiters.sorted(by: { $0.key < $1.key }) {
            guard let resume = waiter(&self) else { continue }
            waiters[id] = nil
            cancelled.remove(id)
            ready.append(resume)
        }
        return ready
    }

    /// Assigns every topic's partitions in turn. A member that keeps a partition continues at its position.
    private mutating func share(_ name: String) {
        guard var group = groups[name] else { return }
        var dealt: [Int: [TopicPartition: Int64]] = [:]
        for (topic, partitions) in topics {
            let members = group.members.filter { $0.value.membership != .away && $0.value.topics.contains(topic) }
                .keys.sorted()
            guard !members.isEmpty else { continue }
            for number in partitions.indices {
                let partition = TopicPartition(topic: topic, partition: Int32(number))
                let member = members[number % members.count]
                let kept = group.members[member]?.positions[partition]
                dealt[member, default: [:]][partition] = kept ?? group.committed[partition] ?? 0
            }
        }
        for member in group.members.keys { group.members[member]?.positions = dealt[member] ?? [:] }
        groups[name] = group
    }
}
