import Contracts
import Lifecycle
import MessageBus
import MessageBusTesting
import Planning
import Store
import Synchronization
import Telemetry
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DeliveryLoopTests {
    private static let away = StoreError(.unavailable, "away", isRetriable: true)
    private static let brokerAway = MessageBusError(.unavailable, "away", isRetriable: true)

    @Test func `a batch is polled, handled, sent and committed in this order`() async throws {
        let rig = Rig(maxBatch: 3)
        try await rig.send(["a", "b", "c", "d", "e"])
        try await rig.run { await rig.committed(5) }
        #expect(
            rig.journal.entries == [
                .ready(true), .polled(3), .handled(3), .sent(3), .committed(3), .polled(2), .handled(2), .sent(2),
                .committed(2), .ready(false), .closed,
            ])
        #expect(rig.emitted == ["a", "b", "c", "d", "e"])
    }

    @Test func `a batch that emits nothing is committed too`() async throws {
        let rig = Rig { _ in [] }
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(rig.emitted.isEmpty)
        #expect(rig.journal.count(.committed(1)) == 1)
    }

    @Test func `nothing is committed when the producer cannot go on`() async throws {
        let rig = Rig(sendFaults: [MessageBusError(.fatal, "fenced", isRetriable: false)])
        try await rig.send(["a", "b"])
        let error = await #expect(throws: MessageBusError.self) { try await rig.run() }
        #expect(error?.code == .fatal)
        #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 0)
        #expect(!rig.journal.entries.contains(.committed(2)))
    }

    @Test func `a record whose emission is too large for a topic becomes a dead letter alone`() async throws {
        let rig = Rig { records in
            Rig.echo(records).map { $0.value == Array("b".utf8) ? $0.grown(to: 1_000_001) : $0 }
        }
        try await rig.send(["a", "b", "c"])
        try await rig.run { await rig.committed(3) }
        #expect(rig.emitted == ["a", "c"])
        let letters = rig.bus.records(in: Topic.deadLetters)
        #expect(letters.map(\.value) == [Array("b".utf8)])
        #expect(letters.first?.headers["kafka_dlt-exception-fqcn"] == "MessageBusError.too_large")
    }

    @Test func `a record too large for a dead letter is put away by reference`() async throws {
        let rig = Rig { _ in throw ContractError(.wrongType, "poison") }
        let large = [UInt8](repeating: 0xFF, count: 999_700)
        try await rig.send(bytes: [[1], large])
        try await rig.run { await rig.committed(2) }
        let letters = rig.bus.records(in: Topic.deadLetters)
        #expect(letters.map(\.value) == [[1], nil])
        #expect(letters.last?.headers["kafka_dlt-original-offset"] == "1")
        #expect(letters.last?.headers["their-header"] == nil)
    }

    @Test func `every dead letter is counted by reason and topic, and logged without payload, whoever made it`()
        async throws
    {
        let source = EventSource(service: "echo")
        let rig = Rig { records in
            guard records.allSatisfy({ $0.value != [2] }) else { throw ContractError(.wrongType, "poison") }
            return records.map { record in
                record.value == [1]
                    ? source.deadLetter(record, ContractError(.missingField, "ce_id"))
                    : OutgoingRecord(topic: "output", key: nil, value: record.value)
            }
        }
        try await rig.send(bytes: [[1], [2], Array("secret".utf8), [1]])
        try await rig.run { await rig.committed(4) }
        #expect(rig.bus.records(in: Topic.deadLetters).count == 3)
        let metrics = rig.metrics.render()
        #expect(
            metrics.contains(
                "\nwinnow_dead_letters_total{reason=\"ContractError.missing_field\",topic=\"other\"} 2\n"))
        #expect(
            metrics.contains(
                "\nwinnow_dead_letters_total{reason=\"ContractError.wrong_type\",topic=\"other\"} 1\n"))
        let lines = rig.log.lines.filter { $0.contains("Record dead-lettered") }
        #expect(lines.count == 3)
        #expect(lines.allSatisfy { $0.contains(#""messaging.destination.name":"input""#) && !$0.contains("secret") })
        #expect(lines.count { $0.contains("missing_field: ce_id") } == 2)
    }

    @Test func `it is not ready before the broker answers`() async throws {
        let rig = Rig(connectFaults: [Self.brokerAway])
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(
            rig.journal.entries == [
                .paused, .ready(false), .resumed, .ready(true), .ready(true), .polled(1), .handled(1), .sent(1),
                .committed(1), .ready(false), .closed,
            ])
    }

    @Test(arguments: [1, 3])
    func `a fault of the database pauses the source, and passes with one result`(times: Int) async throws {
        let faults = Faults(Array(repeating: Self.away, count: times))
        let rig = Rig { records in
            if let fault = faults.next() { throw fault }
            return Rig.echo(records)
        }
        try await rig.send(["a", "b"])
        try await rig.run { await rig.committed(2) }
        #expect(rig.emitted == ["a", "b"])
        #expect(rig.journal.count(.handled(2)) == times + 1)
        #expect(
            rig.journal.entries.filter { $0 != .handled(2) } == [
                .ready(true), .polled(2), .paused, .ready(false), .resumed, .ready(true), .sent(2), .committed(2),
                .ready(false), .closed,
            ])
    }

    @Test func `a fault of the broker while sending repeats the sending alone`() async throws {
        let rig = Rig(sendFaults: [Self.brokerAway, Self.brokerAway])
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(rig.emitted == ["a"])
        #expect(rig.journal.count(.handled(1)) == 1)
        #expect(rig.journal.count(.sendFailed) == 2)
    }

    @Test func `a fault of the broker while committing repeats the commit alone`() async throws {
        let rig = Rig(commitFaults: [Self.brokerAway])
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(rig.emitted == ["a"])
        #expect(rig.journal.count(.commitFailed) == 1)
        #expect(rig.journal.count(.sent(1)) == 1)
    }

    @Test(arguments: [[4], [0], [8], [0, 8], [3, 4], Array(0..<9)])
    func `a record that cannot be applied becomes a dead letter alone`(poison: [Int]) async throws {
        let rig = Rig { records in
            guard !records.contains(where: \.isPoison) else { throw ContractError(.wrongType, "poison") }
            return Rig.echo(records)
        }
        let values = (0..<9).map { poison.contains($0) ? [0xFF, 0x00, UInt8($0)] : Array("\($0)".utf8) }
        try await rig.send(bytes: values)
        try await rig.run { await rig.committed(9) }
        #expect(rig.emitted == (0..<9).filter { !poison.contains($0) }.map { "\($0)" })
        let letters = rig.bus.records(in: Topic.deadLetters).sorted { ($0.value?.last ?? 0) < ($1.value?.last ?? 0) }
        #expect(letters.map(\.value) == poison.map { values[$0] })
        for (letter, number) in zip(letters, poison) {
            #expect(letter.key == Rig.key)
            #expect(letter.headers.first == Header("their-header", [0x00, 0xFF]))
            #expect(letter.headers["kafka_dlt-original-topic"] == Rig.input)
            #expect(letter.headers["kafka_dlt-original-offset"] == "\(number)")
            #expect(letter.headers["kafka_dlt-original-consumer-group"] == Rig.group)
            #expect(letter.headers["kafka_dlt-exception-fqcn"] == "ContractError.wrong_type")
        }
    }

    @Test func `a temporary fault during bisection dead-letters no good record`() async throws {
        let faults = Faults([Self.away])
        let rig = Rig { records in
            guard !records.contains(where: \.isPoison) else { throw ContractError(.wrongType, "poison") }
            if let fault = faults.next() { throw fault }
            return Rig.echo(records)
        }
        try await rig.send(bytes: [Array("a".utf8), [0xFF], Array("c".utf8)])
        try await rig.run { await rig.committed(3) }
        #expect(rig.emitted == ["a", "c"])
        #expect(rig.bus.records(in: Topic.deadLetters).map(\.value) == [[0xFF]])
    }

    @Test func `a source that was paused goes on when the next fault is one of its records`() async throws {
        let faults = Faults([Self.away, ContractError(.wrongType, "poison")])
        let rig = Rig(maxBatch: 1) { records in
            if let fault = faults.next() { throw fault }
            return Rig.echo(records)
        }
        try await rig.send(["a", "b"])
        try await rig.run { await rig.committed(2) }
        #expect(rig.emitted == ["b"])
        #expect(rig.journal.count(.resumed) == 1)
    }

    @Test func `a cancelled handler does not count as a fault of its records`() async throws {
        let shutdown = GracefulShutdown()
        let rig = Rig(shutdown: shutdown) { _ in
            shutdown.trigger()
            throw CancellationError()
        }
        try await rig.send(["a", "b"])
        await #expect(throws: CancellationError.self) { try await rig.run() }
        #expect(rig.bus.records(in: Topic.deadLetters).isEmpty)
        #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 0)
    }

    @Test func `a graceful stop finishes and commits what was begun, then leaves`() async throws {
        let shutdown = GracefulShutdown()
        let rig = Rig(maxBatch: 2, shutdown: shutdown) { records in
            shutdown.trigger()
            return Rig.echo(records)
        }
        try await rig.send(["a", "b", "c"])
        try await rig.run()
        #expect(rig.emitted == ["a", "b"])
        #expect(
            rig.journal.entries == [
                .ready(true), .polled(2), .handled(2), .sent(2), .committed(2), .ready(false), .closed,
            ])
        // The next consumer continues after the commit.
        let next = rig.bus.consumer(group: Rig.group, topics: [Rig.input])
        #expect(try await next.nextBatch()?.map(\.text) == ["c"])
    }

    @Test func `a graceful stop while a dependency is away leaves without a commit`() async throws {
        let shutdown = GracefulShutdown()
        let faults = Mutex(0)
        let rig = Rig(shutdown: shutdown) { _ in
            faults.withLock { $0 += 1 }
            shutdown.trigger()
            throw Self.away
        }
        try await rig.send(["a"])
        try await rig.run()
        #expect(faults.withLock(\.self) == 1)
        #expect(rig.emitted.isEmpty)
        #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 0)
        #expect(rig.journal.entries.last == .closed)
    }

    @Test func `a consumer that stalls makes its loop not ready until it goes on`() async throws {
        let rig = Rig()
        try await rig.send(["a"])
        try await rig.run {
            await rig.committed(1)
            rig.script.tell(makesProgress: false)
            rig.script.tell(makesProgress: true)
        }
        let readiness: [Journal.Entry] = [.ready(true), .ready(false)]
        #expect(
            rig.journal.entries.filter { readiness.contains($0) } == [
                .ready(true), .ready(false), .ready(true), .ready(false),
            ])
    }

    @Test func `records, emissions and batches are counted`() async throws {
        let rig = Rig { records in
            guard !records.contains(where: \.isPoison) else { throw ContractError(.wrongType, "poison") }
            return Rig.echo(records) + Rig.echo(records)
        }
        try await rig.send(bytes: [Array("a".utf8), [0xFF]])
        try await rig.run { await rig.committed(2) }
        let text = rig.metrics.render()
        #expect(text.contains("\nwinnow_messaging_consumed_messages_total 2\n"))
        #expect(text.contains("\nwinnow_messaging_sent_messages_total 3\n"))
        #expect(text.contains("\nwinnow_messaging_faults_total 2\n"))
        #expect(text.contains("\nwinnow_messaging_retries_total 0\n"))
    }
}
