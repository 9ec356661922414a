import Contracts
import MessageBus
import Store

/// A request as Winnow's own tools write it.
public enum RequestRecord {
    public static func record(_ submission: Submission) -> OutgoingRecord {
        let event = CloudEvent(
            id: submission.eventID, type: EventType.request, source: "/winnow/submit", time: .now,
            authID: submission.tenant.rawValue, data: submission.body)
        return event.record(topic: Topic.requests(submission.lane), key: Array(submission.eventID.utf8))
    }
}
