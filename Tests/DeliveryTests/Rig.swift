import Contracts
import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Synchronization
import Telemetry
import TestKit

/// A delivery loop between two topics of one partition each.
struct Rig: Sendable {
    typealias Handling = @Sendable ([Record]) throws -> [OutgoingRecord]

    static let input = "input"
    static let group = "winnow.echo"
    static let key = Array("key".utf8)
    static let now = Timestamp(milliseconds: 1_790_000_000_000)

    let bus: InMemoryBus
    let journal = Journal()
    let script = ConsumerScript()
    let metrics = Metrics()
    let log = Log()
    let consumer: WatchedConsumer
    private let shutdown: GracefulShutdown
    private let loop: DeliveryLoop<WatchedHandler>

    /// - Parameters:
    ///   - wait: the condition for which records wait before they may be handled; `nil` means due at once.
    ///   - readers: the wait of the producer before it sends; `nil` sends at once.
    ///   - slow: handles the records whose text begins with "slow"; `nil` handles them with their batch.
    ///   - commits: the wait of each commit of positions; `nil` commits at once.
    init(
        partitions: Int = 1, maxBatch: Int = 500, connectFaults: [any Error] = [], sendFaults: [any Error] = [],
        commitFaults: [any Error] = [], policy: RetryPolicy = RetryPolicy(),
        shutdown: GracefulShutdown = GracefulShutdown(), gate: LaneGate = LaneGate(),
        wait: Wait? = nil, pausesAfter: Duration = .zero, readers: Wait? = nil, inFlight: InFlightLimits = .patient,
        slow: Slow? = nil, commits: Wait? = nil,
        handling: @escaping Handling = { Rig.echo($0) }
    ) {
        let journal = journal
        self.shutdown = shutdown
        bus = InMemoryBus(topics: [Self.input: partitions, "output": 1, Topic.retries: 1, Topic.deadLetters: 1])
        consumer = WatchedConsumer(
            consumer: bus.consumer(group: Self.group, topics: [Self.input], maxBatch: maxBatch), journal: journal,
            script: script, commitFaults: Faults(commitFaults), connectFaults: Faults(connectFaults), commits: commits)
        loop = DeliveryLoop(
            service: "echo",
            consumer: consumer,
            producer: WatchedProducer(
                producer: bus.producer(), journal: journal, faults: Faults(sendFaults), readers: readers),
            handler: WatchedHandler(journal: journal, wait: wait, slow: slow, handling: handling),
            logger: Logger(service: "echo", sink: log.append), metrics: metrics, policy: policy, inFlight: inFlight,
            now: { Self.now },
            gate: gate, pausesAfter: pausesAfter, onReadiness: { journal.write(.ready($0)) })
    }

    static let theirs = Header("their-header", [0x00, 0xFF])

    static func echo(_ records: [Record]) -> [OutgoingRecord] {
        records.map { OutgoingRecord(topic: "output", key: $0.key, value: $0.value) }
    }

    /// Sends records to one of several partitions.
    func send(_ texts: [String], to partition: Int, of partitions: Int) async throws {
        let keys = (0...).lazy.map { Array("key-\($0)".utf8) }
        let key = keys.first { Murmur2.partition($0, of: partitions) == partition }
        try await bus.producer().send(
            texts.map { OutgoingRecord(topic: Self.input, key: key, value: Array($0.utf8)) })
    }

    func send(_ texts: [String]) async throws { try await send(bytes: texts.map { Array($0.utf8) }) }

    func send(bytes: [[UInt8]], headers: [Header] = []) async throws {
        try await bus.producer().send(
            bytes.map {
                OutgoingRecord(topic: Self.input, key: Self.key, value: $0, headers: [Self.theirs] + headers)
            })
    }

    /// Runs the loop until it ends by itself.
    func run() async throws {
        try await GracefulShutdown.$current.withValue(shutdown) { try await loop.run() }
    }

    /// Runs the loop, and stops it gracefully once `event` has occurred.
    func run(until event: @Sendable () async -> Void) async throws {
        async let running: Void = run()
        await event()
        shutdown.trigger()
        try await running
    }

    func committed(_ count: Int) async { await bus.waitForCommit(group: Self.group, topic: Self.input, atLeast: count) }

    var emitted: [String] { bus.records(in: "output").map(\.text) }
}

/// The log, one line for each message.
final class Log: Sendable {
    private let written = Mutex<[String]>([])

    var lines: [String] { written.withLock(\.self) }

    func append(_ line: [UInt8]) { written.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}

/// The condition for which records wait before they may be handled.
struct Wait: Sendable {
    let body: @Sendable () async -> Bool
}

/// How a test handles slow records.
struct Slow {
    let calls: SlowCalls
    /// Called once the test has answered the call.
    var answer: @Sendable (Record) throws -> [OutgoingRecord] = { Rig.echo([$0]) }
}

/// A handler that records its calls.
struct WatchedHandler: BatchHandler {
    let journal: Journal
    var wait: Wait?
    var slow: Slow?
    let handling: Rig.Handling

    func isDue(_ records: [Record]) -> Bool { wait == nil }

    func waitUntilDue(_ records: [Record]) async -> Bool { await wait?.body() ?? true }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        journal.write(.handled(records.count))
        return try handling(records)
    }

    func isSlow(_ record: Record) -> Bool { slow != nil && record.text.hasPrefix("slow") }

    func handleSlow(_ record: Record) async throws -> [OutgoingRecord] {
        guard let slow else { return [] }
        try await slow.calls.call(record.text)
        return try slow.answer(record)
    }
}

extension Record {
    var isPoison: Bool { value?.first == 0xFF }

    var text: String { String(decoding: value ?? [], as: UTF8.self) }
}

extension OutgoingRecord {
    func grown(to bytes: Int) -> OutgoingRecord {
        OutgoingRecord(topic: topic, key: key, value: [UInt8](repeating: 0x61, count: bytes))
    }
}

extension InFlightLimits {
    /// Waits for records in flight as long as it takes.
    static let patient = InFlightLimits(grace: .seconds(3600))
    /// Waits for no record in flight.
    static let impatient = InFlightLimits(grace: .zero)
}
