import Contracts
import JSON
import MessageBus
import Store

/// Derives the records to emit from a request's state. It is a pure function, so that the records can be derived again
/// after a crash.
public enum Emission {
    /// Selects which of a request's dispatched steps to emit.
    public enum Trigger: Sendable, Equatable {
        /// All dispatched steps: the request was just accepted, delivered again, or re-driven.
        case every
        /// The dispatched steps that depend on one of these steps, which have just been settled.
        case settled(Set<Int>)
    }

    /// `ce_source` of results. It is the same for every service, since a result that is sent again is the same event.
    static let resultSource = "/winnow"

    /// Returns the commands of an open request, or the result of a final one.
    /// - Parameter catalog: says which routes have a worker. The others go to the full model at once.
    public static func records(
        for snapshot: RequestSnapshot, trigger: Trigger, catalog: Catalog, from source: String,
        causedBy cause: String? = nil
    ) -> [OutgoingRecord] {
        let event = EventContext(snapshot: snapshot, source: source, causationID: cause)
        guard snapshot.state == .open else { return [event.result()] }
        return snapshot.steps
            .filter { $0.state == .dispatched && trigger.includes($0) }
            .map { event.command(for: $0, hasWorker: catalog.hasWorker($0.route)) }
    }

    /// Tells workers and escalators to stop computing for the request.
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

    func command(for step: Step, hasWorker: Bool) -> OutgoingRecord {
        let id = Step.ID(request: snapshot.id, ordinal: step.ordinal)
        // Of a routing step, these are the items that the router was not sure of.
        guard hasWorker else {
            let open = step.items.indices.filter { index in
                !step.answers.indices.contains(index) || step.answers[index] == nil
            }
            let answers = step.items.indices.map { step.answers.indices.contains($0) ? step.answers[$0] : nil }
            let escalation = Escalation(
                step: step.ordinal, route: step.route,
                open: open.map { index in
                    Escalation.OpenItem(
                        index: index, text: step.items[index].text,
                        guess: step.guesses.indices.contains(index) ? step.guesses[index] : nil,
                        context: step.items[index].context)
                }, answers: answers, attempts: [], catalogVersion: snapshot.catalogVersion)
            return record(
                Topic.escalations(snapshot.lane), id: "\(id)/escalation", type: EventType.escalation,
                escalation.encode())
        }
        let command = StepCommand(
            step: step.ordinal, route: step.route, items: step.items.map(\.text),
            catalogVersion: snapshot.catalogVersion)
        return record(
            Topic.steps(step.route.capability, snapshot.lane), id: "\(id)/step", type: EventType.step,
            command.encode())
    }

    /// The result record. It is the same byte for byte, whichever service sends it and however often.
    func result() -> OutgoingRecord {
        let event = CloudEvent(
            id: "\(snapshot.id)/result", type: EventType.result, source: Emission.resultSource,
            // A request that is rejected without being stored has no `completedAt`; it ended on arrival.
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
