import Contracts
import MessageBus

/// Writes a service's records about steps.
public struct EventSource: Sendable {
    private let service: String

    public init(service: String) { self.service = service }

    /// `ce_source`
    public var uri: String { "/winnow/\(service)" }

    public func outcome(_ outcome: Outcome, of event: StepEvent) -> OutgoingRecord {
        record(Topic.outcomes(event.lane), EventType.outcome, "outcome", outcome.step, outcome.encode(), event)
    }

    public func escalation(_ escalation: Escalation, of event: StepEvent) -> OutgoingRecord {
        record(
            Topic.escalations(event.lane), EventType.escalation, "escalation", escalation.step, escalation.encode(),
            event)
    }

    /// Without a deadline: what it tells is true later, too.
    public func shadow(_ shadow: Shadow, of event: StepEvent) -> OutgoingRecord {
        record(Topic.shadows, EventType.shadow, "shadow", shadow.step, shadow.encode(), event, expires: false)
    }

    public func deadLetter(_ record: Record, _ error: ContractError) -> OutgoingRecord {
        DeadLetter.record(
            from: record, consumerGroup: ConsumerGroup.name(of: service), error: error,
            attempt: Retry.attempt(of: record))
    }

    /// The id is the step's and the kind's, so that a repetition writes it again.
    private func record(
        _ topic: String, _ type: String, _ kind: String, _ ordinal: Int, _ value: [UInt8], _ event: StepEvent,
        expires: Bool = true
    ) -> OutgoingRecord {
        let step = Step.ID(request: event.request, ordinal: ordinal)
        let context = CloudEvent(
            id: "\(step)/\(kind)", type: type, source: uri, correlationID: "\(event.request)",
            causationID: event.event.id, expiryTime: expires ? event.event.expiryTime : nil,
            authID: event.tenant.rawValue,
            traceparent: event.event.traceparent, data: value)
        return context.record(topic: topic, key: Array(event.request.description.utf8))
    }
}

extension Outcome {
    /// - Parameter attempts: what it cost before.
    public static func expired(_ step: Int, _ route: Route, attempts: [Attempt] = []) -> Outcome {
        Outcome(
            step: step, route: route, state: .expired, attempts: attempts,
            error: "the deadline passed before it was computed")
    }

    /// The aggregator has settled the step already: this carries what it cost before.
    public static func cancelled(_ step: Int, _ route: Route, attempts: [Attempt]) -> Outcome {
        failed(step, route, "the request was cancelled", attempts: attempts)
    }

    public static func failed(
        _ step: Int, _ route: Route, _ error: String, attempts: [Attempt] = []
    ) -> Outcome {
        Outcome(step: step, route: route, state: .failed, attempts: attempts, error: error)
    }
}
