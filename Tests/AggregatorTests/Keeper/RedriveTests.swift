import BuiltInCatalog
import Contracts
import MessageBus
import MessageBusTesting
import Planning
import Store
import StoreTesting
import TestKit
import Testing

@testable import Aggregator

struct RedriveTests {
    private let rig = KeeperRig(topics: [
        Topic.results: 1, Topic.steps(.legalServices, .interactive): 3, Topic.escalations(.interactive): 3,
        Topic.outcomes(.interactive): 3,
    ])
    private let id = Request.ID.numbered(1)

    private var commands: [Record] { rig.bus.records(in: Topic.steps(.legalServices, .interactive)) }

    private func after(_ seconds: Int64) -> Timestamp { Fixture.now.adding(milliseconds: 1000 * seconds + 1) }

    /// - Returns: the number of commands that the round and its emissions wrote.
    private func redrive(at now: Timestamp) async throws -> Int {
        let before = commands.count
        _ = try await rig.redrives(at: now).work()
        _ = try await rig.emissions().work()
        return commands.count - before
    }

    /// Simulates workers that have read all records so far.
    private func readAll() async throws {
        let consumer = rig.bus.consumer(
            group: "winnow.legal-services-worker", topics: [Topic.steps(.legalServices, .interactive)])
        var count = 0
        while count < commands.count, let batch = try await consumer.nextBatch() {
            try await consumer.commit(batch)
            count = rig.bus.committed(
                group: "winnow.legal-services-worker", topic: Topic.steps(.legalServices, .interactive))
        }
        await consumer.close()
    }

    @Test func `a request without progress is emitted again under the same ids`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0), Fixture.step(1, dependsOn: [0])]))
        #expect(try await redrive(at: Fixture.now.adding(milliseconds: 60_000)) == 0)
        #expect(try await redrive(at: after(60)) == 1)
        #expect(try commands.map { try CloudEvent($0).id } == ["\(id)/0/step"])
    }

    @Test func `each re-drive waits twice as long as the one before, up to eight times the interval`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0)]))
        var times: [Int64] = []
        for seconds in stride(from: Int64(0), to: 2000, by: 20) {
            if try await redrive(at: after(seconds)) > 0 {
                times.append(seconds)
                try await readAll()
            }
        }
        #expect(times == [60, 180, 420, 900, 1380, 1860])
    }

    @Test func `progress lets the next re-drive come after one interval again`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0), Fixture.step(1)]))
        #expect(try await redrive(at: after(60)) == 2)
        try await readAll()
        #expect(try await rig.stored()?.redrives == 1)
        let change = RequestChange(request: id, progressedAt: after(70))
        _ = try await rig.store.update([id]) { _ in [change] }
        #expect(try await rig.stored()?.redrives == 0)
        #expect(try await redrive(at: after(129)) == 0)
        #expect(try await redrive(at: after(131)) == 2)
    }

    @Test func `a step that waits in its queue is not emitted again, however long it waits`() async throws {
        let snapshot = Fixture.snapshot([Fixture.step(0)])
        try await rig.accept(snapshot)
        try await rig.bus.producer().send(
            Emission.records(for: snapshot, trigger: .every, catalog: .builtIn, from: "/winnow/test"))
        for seconds in stride(from: Int64(60), to: 4000, by: 60) { #expect(try await redrive(at: after(seconds)) == 0) }
        #expect(try await rig.stored()?.redrives == 0)
        // The workers have read the record, and no outcome arrived, so it is lost.
        try await readAll()
        #expect(try await redrive(at: after(4100)) == 1)
    }

    @Test func `an outcome that waits for the aggregator keeps its step from being emitted again`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0)]))
        let outcome = Record.outcome(Fixture.answered(0), of: id)
        try await rig.bus.producer().send([
            OutgoingRecord(
                topic: Topic.outcomes(.interactive), key: Array("\(id)".utf8), value: outcome.value,
                headers: outcome.headers)
        ])
        #expect(try await redrive(at: after(60)) == 0)
    }

    @Test func `a queue whose oldest record is newer than the emission does not hold the request back`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0)], progressedAt: Fixture.now.adding(milliseconds: -1)))
        // Another record of the same partition was written later, so all earlier records have been read.
        try await rig.bus.producer().send([
            OutgoingRecord(
                topic: Topic.steps(.legalServices, .interactive), key: Array("\(id)".utf8), value: [], headers: [])
        ])
        #expect(try await redrive(at: after(60)) == 1)
    }
}
