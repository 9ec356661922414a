import Contracts
import JSON
import MessageBus
import MessageBusTesting
import Planning
import Store
import StoreTesting
import TestKit
import Testing

@testable import Aggregator

struct CancellationTests {
    private let rig = KeeperRig()
    private let id = Request.ID.numbered(1)

    private func ask(for snapshot: RequestSnapshot) async throws {
        try await rig.accept(snapshot)
        try await rig.store.requestCancellation(of: [snapshot.id], at: Fixture.now)
    }

    @Test func `what has not run is cancelled, and what was answered stays`() {
        let answered = Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer()])
        var progress = RequestProgress(
            Fixture.snapshot([answered, Fixture.step(1), Fixture.step(2, dependsOn: [1])]), now: Fixture.now)
        progress.cancel()
        let change = progress.change()
        #expect(change.state == .cancelled)
        #expect(change.error == "cancelled on request")
        #expect(change.updatedSteps.map(\.ordinal) == [1, 2])
        #expect(change.updatedSteps.allSatisfy { $0.state == .cancelled })
    }

    @Test func `a request is cancelled although one of its steps had failed`() {
        let failed = Fixture.step(0, Fixture.clause, ["a"], .failed)
        var progress = RequestProgress(Fixture.snapshot([failed, Fixture.step(1)]), now: Fixture.now)
        progress.cancel()
        #expect(progress.change().state == .cancelled)
    }

    @Test(arguments: [RequestSnapshot.State.completed, .failed, .expired, .rejected, .cancelled])
    func `a request that is final stays as it is`(state: RequestSnapshot.State) {
        var progress = RequestProgress(Fixture.snapshot([Fixture.step(0)], state), now: Fixture.now)
        progress.cancel()
        let change = progress.change()
        #expect(change.state == nil)
        #expect(change.updatedSteps.isEmpty)
    }

    @Test func `a late outcome of a cancelled request changes nothing and is paid for`() {
        let cancelled = Fixture.step(0, Fixture.clause, ["a"], .cancelled)
        var progress = RequestProgress(Fixture.snapshot([cancelled], .cancelled), now: Fixture.now)
        progress.settle(Fixture.answered(0), pricing: PriceList(Fixture.prices))
        let change = progress.change()
        #expect(change.updatedSteps.isEmpty)
        #expect(change.state == nil)
        #expect(change.entries.map(\.cost) == [PicoDollars(3)])
    }

    @Test func `a cancellation is handled once: a result, and a message to workers and escalators`() async throws {
        try await ask(for: Fixture.snapshot([Fixture.step(0), Fixture.step(1)]))
        #expect(try await rig.cancellations().work() == ChoreRound(handled: 1))
        #expect(try await rig.cancellations().work() == .nothing)
        #expect(try await rig.emissions().work() == ChoreRound(handled: 2))
        let results = rig.bus.records(in: Topic.results)
        #expect(results.count == 1)
        let status = try JSONDocument.read(results.first?.value ?? []) { $0["status"]?.string }
        #expect(status == "cancelled")
        #expect(try rig.bus.records(in: Topic.cancellations).map { try CloudEvent($0).correlationID } == ["\(id)"])
        #expect(try await rig.store.requestedCancellations(limit: 10).isEmpty)
    }

    @Test func `a cancellation that comes too late, or names an unknown request, is deleted`() async throws {
        let done = Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer()])
        try await ask(for: Fixture.snapshot([done], .completed))
        try await rig.store.requestCancellation(of: [.numbered(9)], at: Fixture.now)
        #expect(try await rig.cancellations().work() == ChoreRound(handled: 2))
        #expect(try await rig.emissions().work() == .nothing)
        #expect(try await rig.store.requestedCancellations(limit: 10).isEmpty)
    }

    @Test func `a cancellation whose records could not be written is sent again later`() async throws {
        try await ask(for: Fixture.snapshot([Fixture.step(0)]))
        _ = try await rig.cancellations().work()
        await #expect(throws: MessageBusError.self) {
            try await rig.emissions(AwayFor(1, rig.bus.producer())).work()
        }
        #expect(try await rig.emissions().work() == ChoreRound(handled: 2))
        #expect(rig.bus.records(in: Topic.results).count == 1)
        #expect(rig.bus.records(in: Topic.cancellations).count == 1)
    }
}
