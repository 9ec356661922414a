import Contracts
import MessageBus
import MessageBusTesting
import Store
import StoreTesting
import TestKit
import Testing

@testable import Aggregator

struct EmissionsTests {
    private let rig = KeeperRig()
    private let id = Request.ID.numbered(1)

    @Test func `what a keeper decided before it died is sent by the next one`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now))
        // The first keeper ends here: the state is committed, but no record is sent.
        _ = try await rig.deadlines().work()
        #expect(rig.bus.records(in: Topic.results).isEmpty)
        #expect(try await rig.emissions().work() == ChoreRound(handled: 1))
        #expect(rig.bus.records(in: Topic.results).count == 1)
    }

    @Test func `a result that the broker did not acknowledge stays owed`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now))
        _ = try await rig.deadlines().work()
        let emissions = rig.emissions(AwayFor(1, rig.bus.producer()))
        await #expect(throws: MessageBusError.self) { try await emissions.work() }
        #expect(try await rig.store.owedEmissions(limit: 10).count == 1)
        #expect(try await emissions.work() == ChoreRound(handled: 1))
        #expect(rig.bus.records(in: Topic.results).count == 1)
        #expect(try await rig.store.owedEmissions(limit: 10).isEmpty)
    }

    @Test func `a result that is sent twice is the same record`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now))
        _ = try await rig.deadlines().work()
        let owed = try await rig.store.owedEmissions(limit: 10)
        _ = try await rig.emissions().work()
        // The process died before it could delete the emission, and a cost arrived in the meantime.
        let late = RequestChange(
            request: id, entries: [], progressedAt: Fixture.now.adding(milliseconds: 50), owed: owed.map(\.kind))
        _ = try await rig.store.update([id]) { _ in [late] }
        _ = try await rig.emissions().work()
        let results = rig.bus.records(in: Topic.results)
        #expect(results.count == 2)
        #expect(results[0].value == results[1].value)
        #expect(results[0].headers == results[1].headers)
    }

    @Test func `a record too large for its topic delays no other record, and is not retried forever`() async throws {
        var huge = Fixture.snapshot([Fixture.step(0)], id: .numbered(2), deadline: Fixture.now)
        huge.traceparent = String(repeating: "0", count: 1_100_000)
        try await rig.accept(huge, Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now))
        _ = try await rig.deadlines().work()
        #expect(try await rig.emissions().work() == ChoreRound(handled: 2))
        #expect(try rig.bus.records(in: Topic.results).map { try CloudEvent($0).correlationID } == ["\(id)"])
        #expect(try await rig.emissions().work() == .nothing)
    }
}
