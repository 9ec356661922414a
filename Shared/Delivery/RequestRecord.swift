import Contracts
import MessageBus
import Store

/// A request as Winnow's own tools write it.
public enum RequestRecord {
    public static func record(_ submission: Submission) -> OutgoingRecord {
        let event = CloudEvent(
            id: submission.eventID, type: EventType.request, source: "/winnow/submit", time: .now,
            expiryTime: submission.deadline, authID: submission.tenant.rawValue, traceparent: submission.traceparent,
            data: submission.body)
        return event.record(topic: Topic.requests(submission.lane), key: Array(submission.eventID.utf8))
    }

    /// The record of a request that has waited in the store; it has no place in the topic.
    public static func waiting(_ submission: Submission) -> Record {
        let record = record(submission)
        return Record(
            topic: record.topic, partition: -1, offset: -1, timestamp: .now, key: record.key, value: record.value,
            headers: record.headers + (submission.isCancelled ? [Header(InternalHeader.cancelled, text: "true")] : []))
    }

    /// Whether it was cancelled while it waited.
    public static func isCancelled(_ record: Record) -> Bool { record.internalHeader(InternalHeader.cancelled) != nil }

    /// - Returns: `nil` where no id can be read.
    public static func key(of record: Record) -> EventKey? {
        CloudEvent.identity(of: record).map { EventKey(tenant: TenantID(authID: $0.authID), eventID: $0.id) }
    }
}
