import Lifecycle
import MessageBus
import MessageBusTesting
import Synchronization

/// The actions of a delivery loop, in order.
final class Journal: Sendable {
    enum Entry: Equatable {
        case polled(Int), handled(Int), sent(Int), sendFailed, committed(Int), commitFailed, paused, resumed, closed
        case ready(Bool), committedUpTo(Int64), revoked
    }

    private struct State {
        var written: [Entry] = []
        var waiting: [(entry: Entry, signal: Signal)] = []
    }

    private let state = Mutex(State())

    var entries: [Entry] { state.withLock(\.written) }

    func write(_ entry: Entry) {
        let reached = state.withLock { state in
            state.written.append(entry)
            defer { state.waiting.removeAll { $0.entry == entry } }
            return state.waiting.filter { $0.entry == entry }
        }
        for (_, signal) in reached { signal.fire() }
    }

    /// Returns once the entry has been written.
    func wait(for entry: Entry) async {
        let signal = Signal()
        state.withLock { state in
            if state.written.contains(entry) { signal.fire() } else { state.waiting.append((entry, signal)) }
        }
        await signal.wait()
    }

    func count(_ entry: Entry) -> Int { entries.count { $0 == entry } }
}

/// The faults of a consumer that a test sets.
final class ConsumerScript: Sendable {
    private let listener = Mutex<@Sendable (Bool) -> Void>({ _ in })
    private let lost = Mutex(false)

    var hasLostPartitions: Bool { lost.withLock(\.self) }

    func losePartitions() { lost.withLock { $0 = true } }

    func listen(_ body: @escaping @Sendable (Bool) -> Void) { listener.withLock { $0 = body } }

    func tell(makesProgress: Bool) {
        let tell = listener.withLock { $0 }
        tell(makesProgress)
    }
}

/// A consumer that records its calls, and whose commit can fail a few times.
struct WatchedConsumer: MessageConsumer {
    let consumer: InMemoryConsumer
    let journal: Journal
    let script: ConsumerScript
    var commitFaults = Faults()
    var connectFaults = Faults()
    /// The wait of each commit of positions.
    var commits: Wait?

    func connect() async throws {
        if let fault = connectFaults.next() { throw fault }
        try await consumer.connect()
    }

    func nextBatch() async throws -> [Record]? {
        let batch = try await consumer.nextBatch()
        if let batch { journal.write(.polled(batch.count)) }
        return batch
    }

    func assignment(of partition: TopicPartition) -> Int? {
        script.hasLostPartitions ? nil : consumer.assignment(of: partition)
    }

    func onRevocation(_ body: @escaping @Sendable (PartitionRevocation) -> Void) {
        consumer.onRevocation { revocation in
            body(revocation)
            journal.write(.revoked)
        }
    }

    func onProgress(_ body: @escaping @Sendable (Bool) -> Void) { script.listen(body) }

    func commit(_ records: [Record]) async throws {
        if let fault = commitFaults.next() {
            journal.write(.commitFailed)
            throw fault
        }
        try await consumer.commit(records)
        journal.write(.committed(records.count))
    }

    func commit(_ positions: [CommitPosition]) async throws {
        if let fault = commitFaults.next() {
            journal.write(.commitFailed)
            throw fault
        }
        _ = await commits?.body()
        try await consumer.commit(positions)
        for position in positions { journal.write(.committedUpTo(position.offset)) }
    }

    func pause() async {
        journal.write(.paused)
        await consumer.pause()
    }

    func resume() async {
        journal.write(.resumed)
        await consumer.resume()
    }

    var partitionCount: Int { consumer.partitionCount }

    func leave(_ gone: @escaping @Sendable () -> Void) { consumer.leave(gone) }

    func rejoin() { consumer.rejoin() }

    func stop() { consumer.stop() }

    func close() async {
        await consumer.close()
        journal.write(.closed)
    }
}

/// A producer that records its calls, and that can fail a few times.
struct WatchedProducer: MessageProducer {
    let producer: InMemoryProducer
    let journal: Journal
    var faults = Faults()
    /// The wait for readers before each batch is sent.
    var readers: Wait?

    func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws {
        if let readers {
            await onWait()
            _ = await readers.body()
        }
        try await send(records)
    }

    func send(_ records: [OutgoingRecord]) async throws {
        if let fault = faults.next() {
            journal.write(.sendFailed)
            throw fault
        }
        try await producer.send(records)
        journal.write(.sent(records.count))
    }

    func close() async {}
}

/// Faults that are thrown one per call until none is left.
final class Faults: Sendable {
    private let rest: Mutex<[any Error]>

    init(_ faults: [any Error] = []) { rest = Mutex(faults) }

    func next() -> (any Error)? { rest.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}
