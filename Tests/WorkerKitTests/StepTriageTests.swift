import BuiltInCatalog
import Contracts
import MessageBus
import Planning
import Telemetry
import TestKit
import Testing
import WorkerKit

struct StepTriageTests {
    static let clause = Route(.legalServices, "clause-type")
    static let other = Route(.legalServices, "poetry")
    static let now = Timestamp(milliseconds: 1000)

    let id = Request.ID.numbered(1)
    let metrics = Metrics()

    private func triage<Message>(_ cancellations: KnownCancellations = KnownCancellations()) -> StepTriage<Message> {
        StepTriage(
            source: EventSource(service: "test"), routes: [Self.clause], unknownRoute: "no such task",
            cancellations: cancellations, metrics: metrics)
    }

    private func sort(
        _ records: [Record], _ cancellations: KnownCancellations = KnownCancellations()
    ) -> (accepted: [StepTriage<Escalation>.Accepted], emitted: [OutgoingRecord]) {
        triage(cancellations).sort(records, at: Self.now)
    }

    private func escalation(_ route: Route = clause, attempts: Int = 1) -> Escalation {
        let attempt = Attempt(
            number: 1, kind: .worker, model: "small", version: "7", items: 1, usage: .zero, durationMicros: 1,
            startedAt: Timestamp(milliseconds: 1))
        return Escalation(
            step: 3, route: route, open: [.init(index: 0, text: "a")], answers: [nil],
            attempts: Array(repeating: attempt, count: attempts))
    }

    @Test(
        arguments: [
            (false, nil, clause, .compute), (false, 1001, clause, .compute), (false, 1000, clause, .expired),
            (false, nil, other, .unknownRoute), (false, 1, other, .expired), (true, nil, clause, .cancelled),
            (true, 1, other, .cancelled),
        ] as [(Bool, Int64?, Route, StepTriage<StepCommand>.Verdict)])
    func `what is done with a step depends on its request, its deadline and its task, in this order`(
        isCancelled: Bool, expiry: Int64?, route: Route, expected: StepTriage<StepCommand>.Verdict
    ) throws {
        let command = StepCommand(step: 0, route: route, items: ["a"])
        let record = Record.step(command, of: id, expiry: expiry.map { Timestamp(milliseconds: $0) })
        let triage: StepTriage<StepCommand> = triage(isCancelled ? KnownCancellations(id) : KnownCancellations())
        let event = try StepEvent(record, as: EventType.step)
        #expect(triage.verdict(on: event, route, at: Self.now) == expected)
    }

    @Test func `a step that is computed comes with its message and the number of its delivery`() {
        let record = Record.escalation(escalation(), of: id)
        var again = record
        again.headers.append(Header("retry_topic-attempts", text: "1"))
        let (accepted, emitted) = sort([record, again])
        #expect(accepted.map(\.message) == [escalation(), escalation()])
        #expect(accepted.map(\.event.request) == [id, id])
        #expect(accepted.map(\.delivery) == [1, 2])
        #expect(emitted.isEmpty)
    }

    @Test func `a step that is not computed gets an outcome, which passes on its earlier attempts`() throws {
        let expired = Record.escalation(escalation(), of: id, expiry: Timestamp(milliseconds: 1))
        let (accepted, emitted) = sort([expired, .escalation(escalation(Self.other), of: id)])
        let attempts = escalation().attempts
        #expect(accepted.isEmpty)
        #expect(
            try emitted.map { try $0.outcome() } == [
                .expired(3, Self.clause, attempts: attempts),
                .failed(3, Self.other, "no such task", attempts: attempts),
            ])
        #expect(metrics.render().contains("\nwinnow_steps_cancelled_total 0\n"))
    }

    @Test func `a step of a cancelled request is counted, and has an outcome only if it has cost something`() throws {
        let unpaid = Record.escalation(escalation(attempts: 0), of: id)
        let (accepted, emitted) = sort([.escalation(escalation(), of: id), unpaid], KnownCancellations(id))
        #expect(accepted.isEmpty)
        #expect(
            try emitted.map { try $0.outcome() } == [.cancelled(3, Self.clause, attempts: escalation().attempts)])
        #expect(metrics.render().contains("\nwinnow_steps_cancelled_total 2\n"))
    }

    @Test func `a record that cannot be read becomes a dead letter`() {
        let good = Record.escalation(escalation(), of: id)
        var unreadable = good
        unreadable.value = [0xFF]
        let command = Record.step(StepCommand(step: 0, route: Self.clause, items: ["a"]), of: id)
        let (accepted, emitted) = sort([unreadable, good, command])
        #expect(accepted.map(\.message) == [escalation()])
        #expect(emitted.map(\.topic) == [Topic.deadLetters, Topic.deadLetters])
        #expect(emitted.map(\.value) == [[0xFF], command.value])
    }
}
