import Delivery
import Lifecycle
import MessageBus
import Testing

/// A loop that waits stays in its group with its partitions paused, whatever it waits for.
@Suite(.timeLimit(.minutes(1)))
struct WaitingTests {
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
            // Returns although the batch is not done.
            await gate.giveWay()
            haveRead.fire()
            await rig.committed(1)
        }
        #expect(rig.emitted == ["a"])
    }

    @Test func `a batch that waits for readers and then for the broker is in hand once, and done once`() async throws {
        let gate = LaneGate()
        let rig = Rig(
            sendFaults: [MessageBusError(.unavailable, "away", isRetriable: true)], gate: gate, readers: Wait { true })
        try await rig.send(["a", "b"])
        try await rig.run { await rig.committed(2) }
        // Nobody is left in hand.
        await gate.giveWay()
        #expect(rig.emitted == ["a", "b"])
        #expect(rig.journal.entries.last { $0 == .paused || $0 == .resumed } == .resumed)
    }
}
