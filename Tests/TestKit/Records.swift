import Contracts
import MessageBus
import Planning

extension Record {
    /// The record as a consumer receives it.
    public init(_ record: OutgoingRecord, partition: Int32 = 0, offset: Int64 = 0) {
        self.init(
            topic: record.topic, partition: partition, offset: offset, timestamp: Timestamp(milliseconds: 0),
            key: record.key, value: record.value, headers: record.headers)
    }

    /// A record that a service wrote about a request.
    public static func about(
        _ request: Request.ID, topic: String, type: String, id: String = "cause", value: [UInt8]?,
        tenant: String? = "acme", expiry: Timestamp? = nil, traceparent: String? = nil
    ) -> Record {
        let event = CloudEvent(
            id: id, type: type, source: "/winnow/test", correlationID: "\(request)", expiryTime: expiry,
            authID: tenant, traceparent: traceparent, data: value)
        return Record(event.record(topic: topic, key: Array(request.description.utf8)))
    }

    public static func step(
        _ command: StepCommand, of request: Request.ID, expiry: Timestamp? = nil, traceparent: String? = nil
    ) -> Record {
        about(
            request, topic: Topic.steps(command.route.capability, .interactive), type: EventType.step,
            value: command.encode(),
            expiry: expiry, traceparent: traceparent)
    }

    public static func escalation(
        _ escalation: Escalation, of request: Request.ID, expiry: Timestamp? = nil
    ) -> Record {
        about(
            request, topic: Topic.escalations(.interactive), type: EventType.escalation, value: escalation.encode(),
            expiry: expiry)
    }

    public static func shadow(_ shadow: Shadow, of request: Request.ID) -> Record {
        about(request, topic: Topic.shadows, type: EventType.shadow, value: shadow.encode())
    }

    public static func outcome(_ outcome: Outcome, of request: Request.ID) -> Record {
        about(request, topic: Topic.outcomes(.interactive), type: EventType.outcome, value: outcome.encode())
    }
}

extension OutgoingRecord {
    public func event() throws -> CloudEvent { try CloudEvent(Record(self)) }

    /// The value as text; empty if there is none.
    public var text: String { String(decoding: value ?? [], as: UTF8.self) }

    public func outcome() throws -> Outcome { try Outcome(decoding: value ?? []) }

    public func escalation() throws -> Escalation { try Escalation(decoding: value ?? []) }

    public func shadow() throws -> Shadow { try Shadow(decoding: value ?? []) }

    public func command() throws -> StepCommand { try StepCommand(decoding: value ?? []) }
}
