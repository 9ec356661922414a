import Contracts
import JSON
import MessageBus
import Store

/// What a request's state calls for: a pure function, so that it can be derived again after a crash.
public enum Emission {
    /// Which of a request's dispatched steps are to be emitted.
    public enum Trigger: Sendable, Equatable {
        /// All of them: a request just accepted, repeated, or re-driven.
        case every
        /// Those that waited for one of these steps.
        case settled(Set<Int>)
    }

    /// `ce_source` of results: one, since a result that comes again is the same event, whichever service sends it.
    static let resultSource = "/winnow"

    /// The commands of an open request, or the result of a final one.
    public static func records(
        for snapshot: RequestSnapshot, trigger: Trigger, from source: String, causedBy cause: String? = nil
    ) -> [OutgoingRecord] {
        let event = EventContext(snapshot: snapshot, source: source, causationID: cause)
        guard snapshot.state == .open else { return [event.result()] }
        return snapshot.steps
            .filter { $0.state == .dispatched && trigger.includes($0) }
            .map { event.command(for: $0) }
    }

    /// Tells whoever computes that nothing is to be computed for the request any more.
    public static func cancellation(of snapshot: RequestSnapshot, from source: String) -> OutgoingRecord {
        EventContext(snapshot: snapshot, source: source, causationID: nil).cancellation()
    }
}

extension Emission.Trigger {
    func includes(_ step: Step) -> Bool {
        switch self {
        case .every: true
        case .settled(let steps): step.dependsOn.contains { steps.contains($0) }
        }
    }
}

/// The headers that a request's records share.
private struct EventContext {
    let snapshot: RequestSnapshot
    let source: String
    let causationID: String?

    func command(for step: Step) -> OutgoingRecord {
        let id = Step.ID(request: snapshot.id, ordinal: step.ordinal)
        // An unsure routing has no worker of its own: it goes to the full model at once.
        guard step.route != .decomposition else {
            let open = step.items.indices.filter { index in
                !step.answers.indices.contains(index) || step.answers[index] == nil
            }
            let answers = step.items.indices.map { step.answers.indices.contains($0) ? step.answers[$0] : nil }
            let escalation = Escalation(
                step: step.ordinal, route: step.route,
                open: open.map { index in
                    Escalation.OpenItem(
                        index: index, text: step.items[index].text,
                        guess: step.guesses.indices.contains(index) ? step.guesses[index] : nil)
                }, answers: answers, attempts: [])
            return record(
                Topic.escalations(snapshot.lane), id: "\(id)/escalation", type: EventType.escalation,
                escalation.encode())
        }
        let command = StepCommand(step: step.ordinal, route: step.route, items: step.items.map(\.text))
        return record(
            Topic.steps(step.route.capability, snapshot.lane), id: "\(id)/step", type: EventType.step,
            command.encode())
    }

    /// Whoever sends it, and however often: the same record.
    func result() -> OutgoingRecord {
        let event = CloudEvent(
            id: "\(snapshot.id)/result", type: EventType.result, source: Emission.resultSource,
            // What is rejected without being stored has ended when it came.
            time: snapshot.completedAt ?? snapshot.progressedAt,
            correlationID: "\(snapshot.id)", causationID: snapshot.eventID.text, authID: snapshot.tenant.rawValue,
            traceparent: snapshot.traceparent, data: ResultMessage.encode(snapshot))
        let own = snapshot.hasOwnTopics ? Topic.results(of: snapshot.tenant) : nil
        return event.record(topic: own ?? Topic.results, key: Array(snapshot.id.description.utf8))
    }

    func cancellation() -> OutgoingRecord {
        var writer = JSONWriter()
        writer.object { $0.member("requestId", snapshot.id.description) }
        return record(
            Topic.cancellations, id: "\(snapshot.id)/cancellation", type: EventType.cancellation, writer.bytes)
    }

    private func record(_ topic: String, id: String, type: String, _ value: [UInt8]) -> OutgoingRecord {
        let asksForWork = type != EventType.cancellation
        let event = CloudEvent(
            id: id, type: type, source: source, correlationID: "\(snapshot.id)", causationID: causationID,
            expiryTime: asksForWork ? snapshot.deadline : nil, authID: snapshot.tenant.rawValue,
            traceparent: snapshot.traceparent, data: value)
        return event.record(topic: topic, key: Array(snapshot.id.description.utf8))
    }
}
