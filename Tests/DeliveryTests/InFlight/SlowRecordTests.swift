import Contracts
import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Models
import Store
import Synchronization
import Telemetry
import Testing

/// Records that take long do not block their loop.
@Suite(.timeLimit(.minutes(1)))
struct SlowRecordTests {
    private let calls = SlowCalls()
    private static let lost = StoreError(.conflict, "lost a race", isRetriable: true)

    @Test func `records that end out of order are committed only up to the lowest open one`() async throws {
        let rig = Rig(partitions: 2, slow: Slow(calls: calls))
        try await rig.send(["slow-0", "slow-1", "slow-2"], to: 0, of: 2)
        try await rig.run {
            await calls.begun(3)
            calls.answer("slow-2", "slow-1")
            _ = await rig.bus.records(in: "output", atLeast: 2)
            // The commit of this record, which is made now, would be one of the others too.
            try? await rig.send(["quick"], to: 1, of: 2)
            await rig.committed(1)
            #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 1)
            calls.answer("slow-0")
            await rig.committed(4)
        }
        #expect(Set(rig.emitted) == ["slow-0", "slow-1", "slow-2", "quick"])
        #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 4)
    }

    @Test func `after a crash exactly the open record and what follows come again`() async throws {
        let rig = Rig(
            slow: Slow(calls: calls) { record in
                guard record.text != "slow-1" else { throw MessageBusError(.fatal, "fenced", isRetriable: false) }
                return Rig.echo([record])
            })
        try await rig.send(["slow-0", "slow-1", "slow-2"])
        await #expect(throws: MessageBusError.self) {
            try await rig.run {
                await calls.begun(3)
                calls.answer("slow-0", "slow-2")
                _ = await rig.bus.records(in: "output", atLeast: 2)
                await rig.committed(1)
                calls.answer("slow-1")
            }
        }
        await rig.consumer.close()
        let next = rig.bus.consumer(group: Rig.group, topics: [Rig.input])
        #expect(try await next.nextBatch()?.map(\.text) == ["slow-1", "slow-2"])
    }

    @Test(arguments: [InFlightLimits(records: 2), InFlightLimits(bytes: 20)])
    func `no more are in flight than the bounds allow, and the loop goes on when there is room`(
        limits: InFlightLimits
    ) async throws {
        // Keys and values are 9 bytes.
        let rig = Rig(maxBatch: 3, inFlight: limits, slow: Slow(calls: calls))
        let texts = (0..<9).map { "slow-\($0)" }
        try await rig.send(texts)
        try await rig.run {
            for (index, text) in texts.enumerated() {
                await calls.begun(min(index + 2, texts.count))
                if index == 0 { await rig.journal.wait(for: .paused) }
                calls.answer(text)
                await rig.committed(index + 1)
            }
        }
        #expect(calls.now.most == 2)
        #expect(calls.now.begun.sorted() == texts)
        #expect(rig.emitted == texts)
        #expect(rig.journal.entries.last { $0 == .paused || $0 == .resumed } == .resumed)
    }

    @Test func `a record above the bound of bytes is handled alone`() async throws {
        let rig = Rig(inFlight: InFlightLimits(bytes: 5), slow: Slow(calls: calls))
        try await rig.send(["slow-0", "slow-1"])
        calls.answer("slow-0", "slow-1")
        try await rig.run { await rig.committed(2) }
        #expect(calls.now.most == 1)
    }

    @Test func `a wait for room that is short leaves the partitions as they are`() async throws {
        let rig = Rig(
            maxBatch: 1, pausesAfter: .seconds(3600), inFlight: InFlightLimits(records: 1), slow: Slow(calls: calls))
        try await rig.send(["slow-0", "slow-1"])
        try await rig.run {
            await calls.begun(1)
            calls.answer("slow-0")
            await calls.begun(2)
            calls.answer("slow-1")
            await rig.committed(2)
        }
        #expect(rig.journal.count(.paused) == 0)
    }

    @Test func `quick records pass slow ones`() async throws {
        let rig = Rig(slow: Slow(calls: calls))
        try await rig.send(["slow-0", "same batch"])
        try await rig.run {
            _ = await rig.bus.records(in: "output", atLeast: 1)
            try? await rig.send(["later batch"])
            _ = await rig.bus.records(in: "output", atLeast: 2)
            #expect(calls.now.begun == ["slow-0"])
            calls.answer("slow-0")
            await rig.committed(3)
        }
        #expect(rig.emitted == ["same batch", "later batch", "slow-0"])
        #expect(rig.journal.entries.filter { $0 == .handled(1) }.count == 2)
    }

    @Test func `two slow records with one key may be handled at once`() async throws {
        let rig = Rig(slow: Slow(calls: calls))
        try await rig.send(["slow-0", "slow-1"])
        try await rig.run {
            await calls.begun(2)
            calls.answer("slow-0", "slow-1")
            await rig.committed(2)
        }
        #expect(calls.now.most == 2)
    }

    @Test func `records that end together are one commit`() async throws {
        let (committing, goesOn) = (Signal(), Signal())
        let rig = Rig(
            slow: Slow(calls: calls),
            commits: Wait {
                committing.fire()
                await goesOn.wait()
                return true
            })
        let texts = (0..<100).map { "slow-\($0)" }
        try await rig.send(texts)
        try await rig.run {
            calls.answer("slow-0")
            await committing.wait()
            calls.answer(texts)
            _ = await rig.bus.records(in: "output", atLeast: 100)
            goesOn.fire()
            await rig.committed(100)
        }
        let commits = rig.journal.entries.filter { if case .committedUpTo = $0 { true } else { false } }
        #expect(commits.count < 50)
        #expect(commits.first == .committedUpTo(1))
    }

    @Test func `a slow record does not hold the gate`() async throws {
        let gate = LaneGate()
        let rig = Rig(gate: gate, slow: Slow(calls: calls))
        try await rig.send(["slow-0"])
        try await rig.run {
            await calls.begun(1)
            // Returns although the record is not finished.
            await gate.giveWay()
            calls.answer("slow-0")
            await rig.committed(1)
        }
    }

    @Test func `a slow record with a permanent fault is a dead letter, and the offset moves on`() async throws {
        let rig = Rig(
            slow: Slow(calls: calls) { record in
                guard record.text != "slow-0" else { throw ContractError(.wrongType, "poison") }
                return Rig.echo([record])
            })
        try await rig.send(["slow-0", "slow-1"])
        calls.answer("slow-0", "slow-1")
        try await rig.run { await rig.committed(2) }
        #expect(rig.bus.records(in: Topic.deadLetters).map(\.text) == ["slow-0"])
        #expect(rig.emitted == ["slow-1"])
    }

    @Test(arguments: [(10, 3, 0), (0, 1, 1)])
    func `a temporary fault is retried in place, and then goes to the retry topic`(
        seconds: Int, times: Int, putAside: Int
    ) async throws {
        let faults = Faults(Array(repeating: Self.lost, count: 2))
        let rig = Rig(
            policy: RetryPolicy(inPlace: .seconds(seconds)),
            slow: Slow(calls: calls) { record in
                if let fault = faults.next() { throw fault }
                return Rig.echo([record])
            })
        try await rig.send(["slow-0"])
        calls.answer("slow-0")
        try await rig.run { await rig.committed(1) }
        #expect(calls.now.begun.count == times)
        #expect(rig.bus.records(in: Topic.retries).count == putAside)
        #expect(rig.emitted.count == 1 - putAside)
    }

    @Test func `records that wait for the database pause the lane until the last of them goes on`() async throws {
        let isBack = Mutex(false)
        let rig = Rig(
            slow: Slow(calls: calls) { record in
                guard isBack.withLock(\.self) else { throw StoreError(.unavailable, "away", isRetriable: true) }
                return Rig.echo([record])
            })
        try await rig.send(["slow-0", "slow-1"])
        calls.answer("slow-0", "slow-1")
        try await rig.run {
            await rig.journal.wait(for: .ready(false))
            // A record that was tried twice has paused the partitions.
            await calls.wait { state in
                ["slow-0", "slow-1"].allSatisfy { text in state.begun.count { $0 == text } > 1 }
            }
            isBack.withLock { $0 = true }
            await rig.committed(2)
        }
        let waits: [Journal.Entry] = [.paused, .resumed]
        #expect(rig.journal.entries.filter { waits.contains($0) } == waits)
        let readiness: [Journal.Entry] = [.ready(true), .ready(false)]
        #expect(
            rig.journal.entries.filter { readiness.contains($0) } == [
                .ready(true), .ready(false), .ready(true), .ready(false),
            ])
    }

    @Test func `a record that waits for a model's server holds up no other`() async throws {
        let isBack = Mutex(false)
        let rig = Rig(
            policy: RetryPolicy(inPlace: .zero),
            slow: Slow(calls: calls) { record in
                guard isBack.withLock(\.self) else {
                    throw ModelError(.unreachable, "away", isRetriable: true, isDependencyUnavailable: true)
                }
                return Rig.echo([record])
            })
        try await rig.send(["slow-0"])
        calls.answer("slow-0")
        try await rig.run {
            await calls.begun(2)
            try? await rig.send(["quick"])
            _ = await rig.bus.records(in: "output", atLeast: 1)
            isBack.withLock { $0 = true }
            await rig.committed(2)
        }
        #expect(rig.emitted == ["quick", "slow-0"])
        #expect(rig.journal.count(.paused) == 0)
        #expect(rig.journal.count(.ready(false)) == 1)
        #expect(rig.bus.records(in: Topic.retries).isEmpty)
    }

    @Test func `slow records are counted while they are in flight and when they are done`() async throws {
        let rig = Rig(slow: Slow(calls: calls))
        try await rig.send(["slow-0", "slow-1"])
        try await rig.run {
            await calls.begun(2)
            let gauge = "\nwinnow_messaging_in_flight_messages{group_id=\"winnow.echo\"}"
            #expect(rig.metrics.render().contains("\(gauge) 2\n"))
            calls.answer("slow-0", "slow-1")
            await rig.committed(2)
            #expect(rig.metrics.render().contains("\(gauge) 0\n"))
        }
        let text = rig.metrics.render()
        #expect(text.contains("\nwinnow_messaging_consumed_messages_total 2\n"))
        #expect(text.contains("\nwinnow_messaging_sent_messages_total 2\n"))
        #expect(text.contains("\nwinnow_messaging_process_duration_seconds_count 2\n"))
    }
}
