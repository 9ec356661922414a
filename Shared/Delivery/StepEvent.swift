import Contracts
import MessageBus

/// A record about one step: its context and its undecoded body.
public struct StepEvent: Sendable {
    public let event: CloudEvent
    public let request: Request.ID
    public let tenant: TenantID
    public let lane: Lane
    private let value: [UInt8]

    /// - Parameter type: what the topic holds, of `EventType`.
    /// - Throws: `ContractError` for a record that cannot be one of Winnow's own.
    public init(_ record: Record, as type: String) throws(ContractError) {
        let event = try CloudEvent(record, as: type)
        guard let request = event.correlationID.flatMap({ Request.ID($0) }) else {
            throw ContractError(.invalidHeader, "ce_correlationid is no request id")
        }
        self.event = event
        self.request = request
        tenant = TenantID(authID: event.authID)
        lane = Lane(topic: record.topic)
        guard let value = event.data else { throw ContractError(.notJSON, "the record has no value") }
        self.value = value
    }

    public func body<Message>(_ decode: ([UInt8]) throws -> Message) throws(ContractError) -> Message {
        do {
            return try decode(value)
        } catch let error as ContractError {
            throw error
        } catch {
            throw ContractError(.wrongType, "the message cannot be read")
        }
    }

    /// Past its deadline nothing is computed for it any more.
    public func isExpired(at now: Timestamp) -> Bool { event.expiryTime.map { $0 <= now } ?? false }
}
