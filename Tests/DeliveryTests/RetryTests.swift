import Contracts
import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Store
import Telemetry
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RetryTests {
    private static let lost = StoreError(.conflict, "SQLSTATE 40P01 in 'lock'", isRetriable: true)
    /// Retries nothing in place, and leaves time to find the faulty record.
    private static let atOnce = RetryPolicy(inPlace: .zero, longestBlock: .seconds(60))
    private static let noTime = RetryPolicy(inPlace: .zero, longestBlock: .zero)

    private static func poison(_ records: [Record]) throws -> [OutgoingRecord] {
        guard !records.contains(where: \.isPoison) else { throw lost }
        return Rig.echo(records)
    }

    private static func delivered(_ count: Int) -> [Header] { [Header("retry_topic-attempts", text: "\(count)")] }

    @Test func `a transaction that lost a conflict is retried in place, without pausing the source`() async throws {
        let faults = Faults([Self.lost, Self.lost])
        let rig = Rig { records in
            if let fault = faults.next() { throw fault }
            return Rig.echo(records)
        }
        try await rig.send(["a", "b"])
        try await rig.run { await rig.committed(2) }
        #expect(rig.emitted == ["a", "b"])
        #expect(rig.journal.count(.handled(2)) == 3)
        #expect(rig.journal.count(.paused) == 0)
        #expect(rig.bus.records(in: Topic.retries).isEmpty)
    }

    @Test(arguments: [true, false])
    func `a retriable error is retried in place, and any other is not`(passes: Bool) async throws {
        struct Ill: RetriableError {
            var code = StoreError.Code.query
            let isRetriable: Bool
        }
        let faults = Faults([Ill(isRetriable: passes)])
        let rig = Rig { records in
            if let fault = faults.next() { throw fault }
            return Rig.echo(records)
        }
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(rig.emitted == (passes ? ["a"] : []))
        #expect(rig.bus.records(in: Topic.deadLetters).map(DeadLetter.reason(of:)) == (passes ? [] : ["Ill.query"]))
    }

    @Test(arguments: [[4], [0, 8], Array(0..<9)])
    func `a record with repeated conflicts goes to the retry topic alone`(poison: [Int]) async throws {
        let rig = Rig(policy: Self.atOnce, handling: Self.poison)
        let values = (0..<9).map { poison.contains($0) ? [0xFF, UInt8($0)] : Array("\($0)".utf8) }
        try await rig.send(bytes: values)
        try await rig.run { await rig.committed(9) }
        #expect(rig.emitted == (0..<9).filter { !poison.contains($0) }.map { "\($0)" })
        #expect(rig.bus.records(in: Topic.retries).map(\.value) == poison.map { values[$0] })
        #expect(rig.bus.records(in: Topic.deadLetters).isEmpty)
        #expect(rig.metrics.render().contains("\nwinnow_messaging_put_off_messages_total \(poison.count)\n"))
    }

    @Test func `a record that is put off keeps its bytes and says where it came from and when it is due`() async throws
    {
        let rig = Rig(policy: Self.atOnce, handling: Self.poison)
        try await rig.send(bytes: [[0xFF, 0x00]])
        try await rig.run { await rig.committed(1) }
        let original = try #require(rig.bus.records(in: Rig.input).first)
        let waiting = try #require(rig.bus.records(in: Topic.retries).first)
        #expect(waiting.key == original.key)
        #expect(waiting.value == original.value)
        #expect(waiting.headers.first == Rig.theirs)
        let expected = [
            "kafka_original-topic": Rig.input, "kafka_original-partition": "0", "kafka_original-offset": "0",
            "kafka_original-timestamp": "\(original.timestamp.milliseconds)", "retry_topic-attempts": "1",
            "retry_topic-original-timestamp": "\(original.timestamp.milliseconds)",
            "retry_topic-backoff-timestamp": "\(Rig.now.milliseconds + 30_000)",
        ]
        for (name, value) in expected { #expect(waiting.headers[name] == value) }
        #expect(waiting.headers.count == 1 + expected.count)
    }

    @Test func `a record that comes again is counted, and its first instant kept`() async throws {
        let rig = Rig(policy: Self.atOnce, handling: Self.poison)
        try await rig.send(
            bytes: [[0xFF]], headers: Self.delivered(2) + [Header("retry_topic-original-timestamp", text: "7")])
        try await rig.run { await rig.committed(1) }
        let waiting = try #require(rig.bus.records(in: Topic.retries).first)
        #expect(waiting.headers.filter { $0.name == "retry_topic-attempts" } == Self.delivered(3))
        #expect(waiting.headers["retry_topic-original-timestamp"] == "7")
    }

    @Test func `after its last delivery it is a dead letter, as it was before the first`() async throws {
        let rig = Rig(policy: Self.atOnce, handling: Self.poison)
        try await rig.send(bytes: [[0xFF]], headers: Self.delivered(4))
        try await rig.run { await rig.committed(1) }
        #expect(rig.bus.records(in: Topic.retries).isEmpty)
        let letter = try #require(rig.bus.records(in: Topic.deadLetters).first)
        #expect(letter.headers["kafka_deliveryAttempt"] == "5")
        #expect(letter.headers["kafka_dlt-exception-fqcn"] == "StoreError.conflict")
        #expect(DeadLetter.replay(letter)?.headers == [Rig.theirs])
    }

    @Test func `a permanent fault is never put off, however often the record came`() async throws {
        let rig = Rig(policy: Self.atOnce) { _ in throw ContractError(.wrongType, "poison") }
        try await rig.send(bytes: [[1]], headers: Self.delivered(1))
        try await rig.run { await rig.committed(1) }
        #expect(rig.bus.records(in: Topic.retries).isEmpty)
        #expect(rig.bus.records(in: Topic.deadLetters).first?.headers["kafka_deliveryAttempt"] == "2")
    }

    @Test func `a batch that blocks its partition too long is put off, without dead letters`() async throws {
        let rig = Rig(policy: Self.noTime, handling: Self.poison)
        try await rig.send(bytes: [[1], [0xFF], [2], [3]], headers: Self.delivered(9))
        try await rig.run { await rig.committed(4) }
        #expect(rig.journal.count(.handled(4)) == 1)
        #expect(rig.bus.records(in: Topic.retries).map(\.value) == [[1], [0xFF], [2], [3]])
        #expect(rig.bus.records(in: Topic.deadLetters).isEmpty)
    }

    @Test func `records that wait for a dependency never go to the retry topic`() async throws {
        let faults = Faults(Array(repeating: StoreError(.unavailable, "away", isRetriable: true), count: 2))
        let rig = Rig(policy: Self.noTime) { records in
            if let fault = faults.next() { throw fault }
            return Rig.echo(records)
        }
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(rig.emitted == ["a"])
        #expect(rig.bus.records(in: Topic.retries).isEmpty)
    }

    @Test func `any error may say that a dependency is unavailable`() async throws {
        struct Away: RetriableError {
            let isRetriable = true
            let isDependencyUnavailable = true
        }
        let faults = Faults([Away()])
        let rig = Rig(policy: Self.noTime) { records in
            if let fault = faults.next() { throw fault }
            return Rig.echo(records)
        }
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(rig.emitted == ["a"])
        #expect(rig.journal.count(.paused) == 1)
    }

    @Test func `a record too large to be put off is put away by reference`() async throws {
        let rig = Rig(policy: Self.noTime, handling: Self.poison)
        try await rig.send(bytes: [[0xFF], [UInt8](repeating: 0xFF, count: 999_700)])
        try await rig.run { await rig.committed(2) }
        #expect(rig.bus.records(in: Topic.retries).map(\.value) == [[0xFF]])
        let letters = rig.bus.records(in: Topic.deadLetters)
        #expect(letters.map(\.value) == [nil])
        #expect(letters.first?.headers["kafka_dlt-original-offset"] == "1")
    }

    @Test func `a stop while a record is tried again leaves without a commit`() async throws {
        let shutdown = GracefulShutdown()
        let rig = Rig(shutdown: shutdown) { _ in
            shutdown.trigger()
            throw Self.lost
        }
        try await rig.send(["a"])
        try await rig.run()
        #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 0)
        #expect(rig.bus.records(in: Topic.retries).isEmpty)
    }
}
