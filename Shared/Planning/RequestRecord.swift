import Contracts
import MessageBus
import Store

/// Builds request records as Winnow's own tools write them.
public enum RequestRecord {
    /// - Parameter topic: the tenant's own topic; `nil` for the shared topic of the lane.
    public static func record(_ submission: Submission, topic: String? = nil) -> OutgoingRecord {
        let event = CloudEvent(
            id: submission.eventID.text, type: EventType.request, source: "/winnow/submit", time: .now,
            expiryTime: submission.deadline, authID: submission.tenant.rawValue, traceparent: submission.traceparent,
            data: submission.body)
        return event.record(topic: topic ?? Topic.requests(submission.lane), key: Array(submission.eventID.text.utf8))
    }

    /// The record of a request that waited in the store. Its partition and offset are -1, because it is in no topic.
    public static func waiting(_ submission: Submission) -> Record {
        let record = record(submission)
        return Record(
            topic: record.topic, partition: -1, offset: -1, timestamp: .now, key: record.key, value: record.value,
            headers: record.headers + [Header(InternalHeader.place, text: "\(submission.place)")]
                + (submission.isCancelled ? [Header(InternalHeader.cancelled, text: "true")] : []))
    }

    /// The number that identifies where the request came from: a hash of the place where its record was first read, or
    /// the random number that `winnow submit` gave its row.
    public static func place(of record: Record) -> Int64 {
        record.internalHeader(InternalHeader.place).flatMap { Int64($0) } ?? RecordPlace(record).number
    }

    /// Whether the request was cancelled while it waited.
    public static func isCancelled(_ record: Record) -> Bool { record.internalHeader(InternalHeader.cancelled) != nil }

    /// - Returns: `nil` if no id can be read.
    public static func key(of record: Record) -> EventKey? {
        CloudEvent.identity(of: record).map { EventKey(tenant: TenantID(authID: $0.authID), eventID: EventID($0.id)) }
    }
}
