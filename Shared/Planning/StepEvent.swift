import Contracts
import MessageBus

/// A record about one step, with its context and its undecoded body.
public struct StepEvent: Sendable {
    public let event: CloudEvent
    public let request: Request.ID
    public let tenant: TenantID
    public let lane: Lane

    /// - Parameter type: the `EventType` of the topic's records.
    /// - Throws: `ContractError` if the record was not written by Winnow.
    public init(_ record: Record, as type: String) throws(ContractError) {
        let event = try CloudEvent(record, as: type)
        guard let request = event.correlationID.flatMap({ Request.ID($0) }) else {
            throw ContractError(.invalidHeader, "ce_correlationid is not a request id")
        }
        self.event = event
        self.request = request
        tenant = TenantID(authID: event.authID)
        lane = Lane(topic: record.topic)
        guard event.data != nil else { throw ContractError(.notJSON, "the record has no value") }
    }

    public func body<Message>(_ decode: ([UInt8]) throws -> Message) throws(ContractError) -> Message {
        try event.body(decode)
    }

    /// Whether the deadline has passed, so that nothing is computed for the step any more.
    public func isExpired(at now: Timestamp) -> Bool { event.expiryTime.map { $0 <= now } ?? false }
}

extension CloudEvent {
    /// Decodes the data of a record that Winnow has written.
    public func body<Message>(_ decode: ([UInt8]) throws -> Message) throws(ContractError) -> Message {
        do {
            return try decode(data ?? [])
        } catch let error as ContractError {
            throw error
        } catch {
            throw ContractError(.wrongType, "the message cannot be read")
        }
    }
}

/// The `ce_type` of each record that Winnow writes.
public enum EventType {
    public static let request = "winnow.request.v1"
    public static let step = "winnow.step.v1"
    public static let escalation = "winnow.escalation.v1"
    public static let shadow = "winnow.shadow.v1"
    public static let outcome = "winnow.outcome.v1"
    public static let cancellation = "winnow.cancellation.v1"
    public static let catalog = "winnow.catalog.v1"
    public static let certificate = "winnow.certificate.v1"
    public static let heartbeat = "winnow.heartbeat.v1"
    public static let control = "winnow.control.v1"
    public static let result = "winnow.result.v1"
}

/// Builds the records that a service writes about steps.
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

    /// A shadow has no deadline, since the comparison remains valid later.
    /// - Parameter tier: whose answers are compared. A step can have a shadow for each tier.
    public func shadow(
        _ shadow: Shadow, of event: StepEvent, tier: Answer.DecidedBy = .worker
    ) -> OutgoingRecord {
        let kind = tier == .worker ? "shadow" : "\(tier.rawValue)-shadow"
        return record(Topic.shadows, EventType.shadow, kind, shadow.step, shadow.encode(), event, expires: false)
    }

    public func deadLetter(_ record: Record, _ error: ContractError) -> OutgoingRecord {
        DeadLetter.record(
            from: record, consumerGroup: ConsumerGroup.name(of: service), error: error,
            attempt: Retry.attempt(of: record))
    }

    /// Reads every record of a batch with `body`. The delivery loop counts and logs the dead letters when it sends them.
    /// - Returns: dead letters for the records that cannot be read.
    public func read(
        _ records: [Record], _ body: (Record) throws(ContractError) -> Void
    ) -> [OutgoingRecord] {
        records.compactMap { record in
            do throws(ContractError) {
                try body(record)
                return nil
            } catch {
                return deadLetter(record, error)
            }
        }
    }

    /// The id consists of the step and the kind, so that a repetition writes the same id.
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
    /// - Parameter attempts: the earlier attempts of the step, with their cost.
    public static func expired(_ step: Int, _ route: Route, attempts: [Attempt] = []) -> Outcome {
        Outcome(
            step: step, route: route, state: .expired, attempts: attempts,
            error: "the deadline passed before it was computed")
    }

    /// The aggregator has already settled the step. The outcome only reports the cost so far.
    public static func cancelled(_ step: Int, _ route: Route, attempts: [Attempt]) -> Outcome {
        failed(step, route, "the request was cancelled", attempts: attempts)
    }

    public static func failed(
        _ step: Int, _ route: Route, _ error: String, attempts: [Attempt] = []
    ) -> Outcome {
        Outcome(step: step, route: route, state: .failed, attempts: attempts, error: error)
    }
}
