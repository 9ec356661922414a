import Contracts
import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Synchronization
import Testing

/// What becomes of slow records when their partition is revoked or the process stops.
@Suite(.timeLimit(.minutes(1)))
struct HandoverTests {
    private let calls = SlowCalls()

    private func committed(_ rig: Rig) -> Int { rig.bus.committed(group: Rig.group, topic: Rig.input) }

    @Test func `a revoked partition is given away once its records are done and committed`() async throws {
        let rig = Rig(slow: Slow(calls: calls))
        let gone = Signal()
        try await rig.send(["slow-0"])
        try await rig.run {
            await calls.begun(1)
            rig.consumer.leave { gone.fire() }
            await rig.journal.wait(for: .revoked)
            #expect(rig.consumer.partitionCount == 1)
            calls.answer("slow-0")
            await gone.wait()
            #expect(committed(rig) == 1)
        }
        #expect(rig.emitted == ["slow-0"])
        #expect(calls.now.cancelled.isEmpty)
    }

    @Test func `after the bound the records of a revoked partition are left to its next owner`() async throws {
        let rig = Rig(inFlight: .impatient, slow: Slow(calls: calls))
        let gone = Signal()
        try await rig.send(["slow-0", "slow-1"])
        try await rig.run {
            await calls.begun(2)
            rig.consumer.leave { gone.fire() }
            await gone.wait()
            await calls.wait { $0.cancelled.count == 2 }
        }
        #expect(rig.emitted.isEmpty)
        #expect(rig.bus.records(in: Topic.deadLetters).isEmpty && rig.bus.records(in: Topic.retries).isEmpty)
        #expect(committed(rig) == 0)
        let heir = rig.bus.consumer(group: Rig.group, topics: [Rig.input])
        #expect(try await heir.nextBatch()?.map(\.text) == ["slow-0", "slow-1"])
    }

    @Test func `an emission that has begun is finished after the bound`() async throws {
        let emitting = Signal()
        let goesOn = Mutex(false)
        let rig = Rig(
            readers: Wait {
                emitting.fire()
                while !goesOn.withLock(\.self) { await Task.yield() }
                return true
            }, inFlight: .impatient, slow: Slow(calls: calls))
        let gone = Signal()
        try await rig.send(["slow-0"])
        calls.answer("slow-0")
        try await rig.run {
            await emitting.wait()
            rig.consumer.leave { gone.fire() }
            await gone.wait()
            goesOn.withLock { $0 = true }
            _ = await rig.bus.records(in: "output", atLeast: 1)
        }
        #expect(rig.emitted == ["slow-0"])
        #expect(committed(rig) == 0)
    }

    @Test func `partitions that stay are not disturbed`() async throws {
        let rig = Rig(partitions: 2, slow: Slow(calls: calls))
        try await rig.send(["slow-0"], to: 0, of: 2)
        try await rig.send(["slow-1"], to: 1, of: 2)
        try await rig.run {
            await calls.begun(2)
            let heir = rig.bus.consumer(group: Rig.group, topics: [Rig.input])
            await rig.journal.wait(for: .revoked)
            try? await rig.send(["stays"], to: 0, of: 2)
            try? await rig.send(["goes"], to: 1, of: 2)
            _ = await rig.bus.records(in: "output", atLeast: 1)
            #expect(rig.emitted == ["stays"])
            calls.answer("slow-1")
            let inherited = try? await heir.nextBatch()
            #expect(inherited?.map(\.text) == ["goes"])
            calls.answer("slow-0")
            await rig.committed(3)
        }
        #expect(rig.emitted == ["stays", "slow-1", "slow-0"])
        #expect(calls.now.cancelled.isEmpty)
    }

    @Test func `an open record that is delivered again is the same open record`() async throws {
        let rig = Rig(slow: Slow(calls: calls))
        try await rig.send(["slow-0"])
        try await rig.run {
            await calls.begun(1)
            try? await rig.send(["slow-1"])
            await calls.begun(2)
            rig.consumer.consumer.losePartitions()
            // It comes after the records that are delivered again.
            try? await rig.send(["quick"])
            _ = await rig.bus.records(in: "output", atLeast: 1)
            calls.answer("slow-0", "slow-1")
            await rig.committed(3)
        }
        #expect(calls.now.begun == ["slow-0", "slow-1"])
        #expect(rig.emitted.count == 3)
    }

    @Test func `a record that was left and comes again is handled again, but not twice at once`() async throws {
        let calls = SlowCalls(heedsCancellation: false)
        let rig = Rig(inFlight: .impatient, slow: Slow(calls: calls))
        try await rig.send(["slow-0"])
        try await rig.run {
            await calls.begun(1)
            rig.consumer.consumer.losePartitions()
            try? await rig.send(["quick"])
            _ = await rig.bus.records(in: "output", atLeast: 1)
            calls.answer("slow-0")
            await rig.committed(2)
        }
        #expect(calls.now.most == 1)
        #expect(rig.emitted.sorted() == ["quick", "slow-0"])
    }

    @Test func `a stop waits for the records in flight and commits them, and begins no other`() async throws {
        let rig = Rig(inFlight: InFlightLimits(records: 1, grace: .seconds(3600)), slow: Slow(calls: calls))
        try await rig.send(["slow-0", "slow-1"])
        async let running: Void = rig.run { await calls.begun(1) }
        await calls.begun(1)
        await rig.journal.wait(for: .ready(false))
        calls.answer("slow-0")
        try await running
        #expect(rig.emitted == ["slow-0"])
        #expect(calls.now.begun == ["slow-0"])
        #expect(committed(rig) == 1)
        #expect(rig.journal.entries.last == .closed)
    }

    @Test func `after the bound a stop leaves the records in flight, and commits nothing of them`() async throws {
        let rig = Rig(inFlight: .impatient, slow: Slow(calls: calls))
        try await rig.send(["slow-0", "slow-1"])
        try await rig.run {
            await calls.begun(2)
            calls.answer("slow-1")
            _ = await rig.bus.records(in: "output", atLeast: 1)
        }
        #expect(calls.now.cancelled == ["slow-0"])
        #expect(rig.emitted == ["slow-1"])
        #expect(committed(rig) == 0)
        #expect(rig.journal.entries.last == .closed)
    }

    @Test func `a record that waits at the bound is dropped with its partition`() async throws {
        let rig = Rig(inFlight: InFlightLimits(records: 1, grace: .zero), slow: Slow(calls: calls))
        let gone = Signal()
        try await rig.send(["slow-0", "slow-1", "slow-2"])
        try await rig.run {
            await calls.begun(1)
            rig.consumer.leave { gone.fire() }
            await gone.wait()
            await calls.wait { $0.cancelled == ["slow-0"] }
        }
        #expect(calls.now.begun == ["slow-0"])
    }
}
