import BuiltInCatalog
import Contracts
import MessageBus
import Planning
import Store
import TestKit
import Testing

struct EmissionTests {
    private let id = Request.ID.numbered(1)

    private func emit(_ snapshot: RequestSnapshot, _ trigger: Emission.Trigger = .every) -> [OutgoingRecord] {
        Emission.records(for: snapshot, trigger: trigger, catalog: .builtIn, from: "/winnow/test", causedBy: "cause")
    }

    @Test func `an open request emits a command for every step that is dispatched, and for no other`() throws {
        let states: [Step.State] = [.dispatched, .waiting, .answered, .failed, .expired, .cancelled, .dispatched]
        let steps = states.enumerated().map {
            Fixture.step($0, $0 == 6 ? Fixture.issue : Fixture.clause, ["t\($0)"], $1)
        }
        let records = emit(Fixture.snapshot(steps))
        #expect(records.map(\.topic) == ["winnow.steps.legal-services.v1", "winnow.steps.software-development.v1"])
        #expect(
            try records.map { try $0.command() } == [
                StepCommand(step: 0, route: Fixture.clause, items: ["t0"]),
                StepCommand(step: 6, route: Fixture.issue, items: ["t6"]),
            ])
        #expect(try records.map { try $0.event().id } == ["\(id)/0/step", "\(id)/6/step"])
    }

    @Test func `a command carries the request's context and its key`() throws {
        let snapshot = Fixture.snapshot([Fixture.step(0)])
        let record = try #require(emit(snapshot).first)
        let event = try record.event()
        #expect(record.key == Array("\(id)".utf8))
        #expect(event.type == EventType.step)
        #expect(event.source == "/winnow/test")
        #expect(event.correlationID == "\(id)")
        #expect(event.causationID == "cause")
        #expect(event.authID == "acme")
        #expect(event.expiryTime == snapshot.deadline)
        #expect(event.traceparent == snapshot.traceparent)
    }

    @Test(arguments: Lane.allCases)
    func `commands stay in the request's lane, and the result has none`(lane: Lane) {
        var snapshot = Fixture.snapshot([Fixture.step(0), Fixture.step(1, .decomposition)])
        snapshot.lane = lane
        #expect(emit(snapshot).map(\.topic) == [Topic.steps(.legalServices, lane), Topic.escalations(lane)])
        snapshot.state = .completed
        #expect(emit(snapshot).map(\.topic) == [Topic.results])
    }

    @Test func `a settled step emits only the steps that waited for it`() throws {
        let steps = [
            Fixture.step(0, Fixture.clause, ["a"], .answered), Fixture.step(1), Fixture.step(2, dependsOn: [0]),
            Fixture.step(3, dependsOn: [0, 1], .waiting), Fixture.step(4, dependsOn: [1]),
            Fixture.step(5, dependsOn: [4, 0]),
        ]
        func ordinals(_ settled: Set<Int>) throws -> [Int] {
            try emit(Fixture.snapshot(steps), .settled(settled)).map { try $0.command().step }
        }
        #expect(try ordinals([0]) == [2, 5])
        #expect(try ordinals([1]) == [4])
        #expect(try ordinals([0, 1]) == [2, 4, 5])
        #expect(try ordinals([2]) == [])
        #expect(try ordinals([]) == [])
    }

    @Test func `an unsure routing goes to the full model with its open items alone, and what the router guesses`()
        throws
    {
        let none = Fixture.answer("none")
        var routing = Fixture.step(0, .decomposition, ["a", "b", "c"], answers: [none, nil])
        let guess = Fixture.answer("legal-services/clause-type")
        routing.guesses = [nil, guess]
        let record = try #require(emit(Fixture.snapshot(channel: .human, [routing])).first)
        #expect(record.topic == Topic.escalations(.interactive))
        #expect(try record.event().id == "\(id)/0/escalation")
        #expect(try record.event().type == EventType.escalation)
        #expect(
            try record.escalation()
                == Escalation(
                    step: 0, route: .decomposition,
                    open: [.init(index: 1, text: "b", guess: guess), .init(index: 2, text: "c")],
                    answers: [none, nil, nil],
                    attempts: []))
    }

    @Test(
        arguments: [RequestSnapshot.State.completed, .rejected, .failed, .expired, .cancelled],
        [Emission.Trigger.every, .settled([]), .settled([0])])
    func `a final request emits its result and nothing else`(
        state: RequestSnapshot.State, trigger: Emission.Trigger
    ) throws {
        let records = emit(Fixture.snapshot(state, [Fixture.step(0), Fixture.step(1, .decomposition)]), trigger)
        let record = try #require(records.first)
        #expect(records.count == 1)
        #expect(record.topic == Topic.results)
        let event = try record.event()
        #expect(event.id == "\(id)/result")
        #expect(event.type == EventType.result)
        // A result is valid after the deadline too.
        #expect(event.expiryTime == nil)
        #expect(event.correlationID == "\(id)")
        #expect(event.authID == "acme")
    }

    @Test func `a result is the same record whoever sends it, and names the event that asked for it`() throws {
        var snapshot = Fixture.snapshot(.completed, [Fixture.step(0, Fixture.clause, ["a"], .answered)])
        snapshot.completedAt = Timestamp(milliseconds: 77)
        let first = Emission.records(
            for: snapshot, trigger: .every, catalog: .builtIn, from: "/winnow/decomposer", causedBy: "x")
        snapshot.progressedAt = Timestamp(milliseconds: 99)
        #expect(
            Emission.records(for: snapshot, trigger: .settled([0]), catalog: .builtIn, from: "/winnow/aggregator.bulk")
                == first)
        let event = try #require(first.first).event()
        #expect(event.causationID == "their-id")
        #expect(event.time == Timestamp(milliseconds: 77))
        #expect(event.source == "/winnow")
    }

    @Test func `records that are derived twice are the same, byte for byte`() {
        let snapshots = [
            Fixture.snapshot([Fixture.step(0), Fixture.step(1, .decomposition, ["a", "b"])]),
            Fixture.snapshot(
                .completed, [Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer("x")])]),
        ]
        for snapshot in snapshots { #expect(emit(snapshot) == emit(snapshot)) }
    }
}
