import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// The records that a loop has polled and not finished, and the offsets that may be committed.
///
/// A record that is delivered again while it is open here, after a rebalance that gave its partition back, is the same
/// open record. It is not handled twice at once.
final class InFlightRecords: Sendable {
    /// The identity of a task that handles a record.
    typealias Token = Int

    /// Offsets of a topic that was created anew begin again, so the time is part of the identity.
    struct Place: Hashable {
        let partition: TopicPartition
        let offset: Int64
        let timestamp: Timestamp

        init(_ record: Record) {
            partition = record.topicPartition
            offset = record.offset
            timestamp = record.timestamp
        }
    }

    struct Entry {
        let place: Place
        let record: Record
        /// The number of the assignment under which the record was last polled.
        var assignment: Int
        /// Whether the record was delivered again while it was open.
        var isRedelivered = false
        var isRunning = false
        let start = Signal()
        /// Ends when the record's task must be cancelled.
        let cancelled: AsyncStream<Void>
        let cancellation: AsyncStream<Void>.Continuation

        var bytes: Int { (record.key?.count ?? 0) + (record.value?.count ?? 0) }

        init(_ place: Place, _ record: Record, _ assignment: Int) {
            self.place = place
            self.record = record
            self.assignment = assignment
            (cancelled, cancellation) = AsyncStream.makeStream(of: Void.self)
        }
    }

    struct State {
        var tracker = OffsetTracker()
        var entries: [Token: Entry] = [:]
        var tokens: [Place: Token] = [:]
        var waiting: [Token] = []
        var running = 0
        var bytes = 0
        var lastToken = 0
        var isStopped = false
        var isHeld = false
        var failure: (any Error)?
        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
        var isCommitting = false

        var isIdle: Bool { running == 0 }
        var isEmpty: Bool { entries.isEmpty && tracker.isEmpty }
        var hasFailed: Bool { failure != nil }

        func hasRoom(_ limits: InFlightLimits) -> Bool {
            waiting.isEmpty && running < limits.records && bytes < limits.bytes
        }

        /// Whether none of these tasks handles a record of the assignment that it had.
        func isOver(_ tasks: [Token: Int]) -> Bool { tasks.allSatisfy { entries[$0.key]?.assignment != $0.value } }

        mutating func add(_ entry: Entry, _ limits: InFlightLimits) -> Token {
            lastToken += 1
            entries[lastToken] = entry
            tokens[entry.place] = lastToken
            waiting.append(lastToken)
            start(limits)
            return lastToken
        }

        /// Lets waiting records start in their order while there is room.
        mutating func start(_ limits: InFlightLimits) {
            while let next = waiting.first, let entry = entries[next], running < limits.records,
                running == 0 || bytes + entry.bytes <= limits.bytes
            {
                waiting.removeFirst()
                running += 1
                bytes += entry.bytes
                entries[next]?.isRunning = true
                entry.start.fire()
            }
        }

        mutating func remove(_ token: Token) {
            guard let entry = entries.removeValue(forKey: token) else { return }
            tokens[entry.place] = nil
            waiting.removeAll { $0 == token }
            entry.start.fire()
        }
    }

    let limits: InFlightLimits
    let gauge: Gauge
    let state = Mutex(State())

    init(_ limits: InFlightLimits, gauge: Gauge) {
        self.limits = limits
        self.gauge = gauge
    }

    var isEmpty: Bool { state.withLock(\.isEmpty) }

    /// Whether the record is being handled, or waits for that.
    func isOpen(_ record: Record) -> Bool { state.withLock { $0.tokens[Place(record)] != nil } }

    /// Takes a record that is handled with its batch. It is open until `finish`.
    func takeQuick(_ record: Record, _ assignment: Int) {
        state.withLock { $0.tracker.poll(record.offset, of: record.topicPartition, assignment) }
    }

    func finish(_ records: [(Record, assignment: Int)]) {
        change { state in
            for (record, assignment) in records {
                state.tracker.finish(record.offset, of: record.topicPartition, assignment)
            }
        }
    }

    /// Takes a slow record.
    /// - Returns: the token of the task that must be started; `nil` if the record is open already.
    func take(_ record: Record, _ assignment: Int) -> Token? {
        change { state in
            let place = Place(record)
            state.tracker.poll(record.offset, of: place.partition, assignment)
            if let token = state.tokens[place] {
                state.entries[token]?.assignment = assignment
                state.entries[token]?.isRedelivered = true
                return nil
            }
            return state.add(Entry(place, record, assignment), limits)
        }
    }

    /// Waits until there is room for the record.
    /// - Returns: the record and a stream that ends when its task must be cancelled; `nil` if it must not be handled.
    func begin(_ token: Token) async -> (record: Record, cancelled: AsyncStream<Void>)? {
        let start = state.withLock { $0.entries[token]?.start }
        await start?.wait()
        return change { state in
            guard let entry = state.entries[token] else { return nil }
            guard entry.isRunning else {
                // The process stops.
                state.remove(token)
                return nil
            }
            return (entry.record, entry.cancelled)
        }
    }

    /// Called when a record's task has ended.
    /// - Parameter isDone: whether everything that the record requires is emitted; `false` if it was abandoned.
    /// - Returns: the token of the task that must handle the record next, since it was delivered again meanwhile.
    func end(_ token: Token, isDone: Bool) -> Token? {
        change { state in
            guard let entry = state.entries[token] else { return nil }
            state.remove(token)
            state.running -= 1
            state.bytes -= entry.bytes
            if isDone { state.tracker.finish(entry.place.offset, of: entry.place.partition, entry.assignment) }
            guard !isDone, entry.isRedelivered, !state.isStopped else {
                state.start(limits)
                return nil
            }
            return state.add(Entry(entry.place, entry.record, entry.assignment), limits)
        }
    }

    /// Called when partitions are revoked. Records that wait are dropped.
    /// - Returns: the tasks that handle records of these partitions, with the assignments of those.
    func revoke(_ revocation: PartitionRevocation) -> [Token: Int] {
        change { state in
            let tasks = state.entries.filter { revocation.partitions.contains($0.value.place.partition) }
            for (token, entry) in tasks where !entry.isRunning { state.remove(token) }
            if revocation.isLost { state.tracker.forget(revocation.partitions) }
            state.start(limits)
            return tasks.filter(\.value.isRunning).mapValues(\.assignment)
        }
    }

    /// Cancels these tasks, except those whose record was delivered again meanwhile.
    func cancel(_ tasks: [Token: Int]) {
        let cancellations = state.withLock { state in
            tasks.compactMap { token, assignment in
                state.entries[token].flatMap { $0.assignment == assignment ? $0.cancellation : nil }
            }
        }
        for cancellation in cancellations { cancellation.finish() }
    }

    func forget(_ partitions: Set<TopicPartition>) { change { $0.tracker.forget(partitions) } }

    /// Drops the records that wait. No further one is started.
    /// - Returns: the tasks that handle records.
    func stop() -> [Token: Int] {
        change { state in
            state.isStopped = true
            for token in state.waiting { state.remove(token) }
            return state.entries.mapValues(\.assignment)
        }
    }

    func fail(_ error: any Error) { change { $0.failure = $0.failure ?? error } }

    var failure: (any Error)? { state.withLock(\.failure) }
}
