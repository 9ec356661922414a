import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Store
import Synchronization
import Testing

/// A waiting loop stays in its group with its partitions paused, whatever it waits for.
@Suite(.timeLimit(.minutes(1)))
struct WaitingTests {
    @Test func `records that are not due wait in a paused member of the group`() async throws {
        let (waiting, due) = (Signal(), Signal())
        let rig = Rig(
            wait: Wait {
                waiting.fire()
                await due.wait()
                return true
            })
        try await rig.send(["a"])
        try await rig.run {
            await waiting.wait()
            await rig.journal.wait(for: .paused)
            #expect(rig.journal.entries == [.ready(true), .polled(1), .paused])
            due.fire()
            await rig.committed(1)
        }
        #expect(
            rig.journal.entries == [
                .ready(true), .polled(1), .paused, .resumed, .handled(1), .sent(1), .committed(1), .ready(false),
                .closed,
            ])
    }

    @Test func `records whose partition went to another member while they waited are that member's`() async throws {
        let (waiting, due) = (Signal(), Signal())
        let rig = Rig(
            wait: Wait {
                waiting.fire()
                await due.wait()
                return true
            })
        try await rig.send(["a"])
        try await rig.run {
            await waiting.wait()
            await rig.journal.wait(for: .paused)
            rig.script.losePartitions()
            due.fire()
            await rig.journal.wait(for: .resumed)
        }
        #expect(rig.journal.count(.handled(1)) == 0)
        #expect(rig.emitted.isEmpty)
    }

    @Test func `a stop while records are not due leaves without a commit`() async throws {
        let shutdown = GracefulShutdown()
        let rig = Rig(
            shutdown: shutdown,
            wait: Wait {
                shutdown.trigger()
                return false
            })
        try await rig.send(["a"])
        try await rig.run()
        #expect(rig.bus.committed(group: Rig.group, topic: Rig.input) == 0)
        #expect(rig.journal.entries.last == .closed)
    }

    @Test func `a short wait leaves the partitions as they are`() async throws {
        let rig = Rig(wait: Wait { true }, pausesAfter: .seconds(3600))
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(
            rig.journal.entries == [
                .ready(true), .polled(1), .handled(1), .sent(1), .committed(1), .ready(false), .closed,
            ])
    }

    @Test func `an interactive batch that waits for a dependency does not hold up the bulk lane`() async throws {
        let gate = LaneGate()
        let isBack = Mutex(false)
        let rig = Rig(gate: gate) { records in
            guard isBack.withLock(\.self) else { throw StoreError(.unavailable, "away", isRetriable: true) }
            return Rig.echo(records)
        }
        try await rig.send(["a"])
        try await rig.run {
            await rig.journal.wait(for: .paused)
            // Returns although the batch is not finished.
            await gate.giveWay()
            isBack.withLock { $0 = true }
            await rig.committed(1)
        }
        #expect(rig.emitted == ["a"])
    }

    @Test func `a loop whose producer waits for readers pauses its partitions, and goes on with one copy sent`()
        async throws
    {
        let rig = Rig(readers: Wait { true })
        try await rig.send(["a"])
        try await rig.run { await rig.committed(1) }
        #expect(
            rig.journal.entries == [
                .ready(true), .polled(1), .handled(1), .paused, .sent(1), .resumed, .committed(1), .ready(false),
                .closed,
            ])
        #expect(rig.emitted == ["a"])
    }

    @Test func `an interactive batch whose producer waits for readers does not hold up the bulk lane`() async throws {
        let (gate, haveRead) = (LaneGate(), Signal())
        let rig = Rig(
            gate: gate,
            readers: Wait {
                await haveRead.wait()
                return true
            })
        try await rig.send(["a"])
        try await rig.run {
            await rig.journal.wait(for: .paused)
            // Returns although the batch is not finished.
            await gate.giveWay()
            haveRead.fire()
            await rig.committed(1)
        }
        #expect(rig.emitted == ["a"])
    }

    @Test func `a batch that waits for readers and then for the broker holds the gate once`() async throws {
        let gate = LaneGate()
        let rig = Rig(
            sendFaults: [MessageBusError(.unavailable, "away", isRetriable: true)], gate: gate, readers: Wait { true })
        try await rig.send(["a", "b"])
        try await rig.run { await rig.committed(2) }
        // No batch is left in hand.
        await gate.giveWay()
        #expect(rig.emitted == ["a", "b"])
        #expect(rig.journal.entries.last { $0 == .paused || $0 == .resumed } == .resumed)
    }
}
