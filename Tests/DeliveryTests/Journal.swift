import MessageBus
import Synchronization

/// What a delivery loop did, in order.
final class Journal: Sendable {
    enum Entry: Equatable {
        case polled(Int), handled(Int), sent(Int), sendFailed, committed(Int), commitFailed, paused, resumed, closed
        case ready(Bool)
    }

    private let written = Mutex<[Entry]>([])

    var entries: [Entry] { written.withLock(\.self) }

    func write(_ entry: Entry) { written.withLock { $0.append(entry) } }

    func count(_ entry: Entry) -> Int { entries.count { $0 == entry } }
}

/// A consumer that is watched, and whose commit can fail a few times.
struct WatchedConsumer: MessageConsumer {
    let consumer: InMemoryConsumer
    let journal: Journal
    var commitFaults = Faults()

    var connectFaults = Faults()

    func connect() async throws {
        if let fault = connectFaults.next() { throw fault }
        try await consumer.connect()
    }

    func nextBatch() async throws -> [Record]? {
        let batch = try await consumer.nextBatch()
        if let batch { journal.write(.polled(batch.count)) }
        return batch
    }

    func commit(_ records: [Record]) async throws {
        if let fault = commitFaults.next() {
            journal.write(.commitFailed)
            throw fault
        }
        try await consumer.commit(records)
        journal.write(.committed(records.count))
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

/// A producer that is watched, and that can fail a few times.
struct WatchedProducer: MessageProducer {
    let producer: InMemoryProducer
    let journal: Journal
    var faults = Faults()

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

/// Faults to be thrown, one a call, until none is left.
final class Faults: Sendable {
    private let rest: Mutex<[any Error]>

    init(_ faults: [any Error] = []) { rest = Mutex(faults) }

    func next() -> (any Error)? { rest.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}
