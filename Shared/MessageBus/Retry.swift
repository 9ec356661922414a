import Contracts

/// A record that failed with a temporary fault and waits for its next delivery.
/// - Source: the headers of Spring for Apache Kafka for retry topics; numbers are decimal text
public enum Retry {
    static let topic = "kafka_original-topic"
    static let partition = "kafka_original-partition"
    static let offset = "kafka_original-offset"
    static let timestamp = "kafka_original-timestamp"
    public static let attemptsHeader = "retry_topic-attempts"
    static let firstTimestamp = "retry_topic-original-timestamp"
    static let notBefore = "retry_topic-backoff-timestamp"

    static let headers: Set = [topic, partition, offset, timestamp, attemptsHeader, firstTimestamp, notBefore]

    /// The number of this delivery, from 1.
    public static func attempt(of record: Record) -> Int {
        guard let text = record.internalHeader(attemptsHeader), let count = Int(text), (0..<1000).contains(count) else {
            return 1
        }
        return count + 1
    }

    /// Creates the record for the retry topic: the original key, value and headers, and in further headers its origin,
    /// the number of deliveries and the due time. If the record comes from outside, its headers with Winnow's internal
    /// names are removed: on the retry topic they would be trusted.
    public static func record(from record: Record, notBefore time: Timestamp) -> OutgoingRecord {
        let place = RecordPlace(record)
        let fields: [(String, String)] = [
            (topic, place.topic), (partition, "\(place.partition)"), (offset, "\(place.offset)"),
            (timestamp, "\(place.timestamp.milliseconds)"), (attemptsHeader, "\(attempt(of: record))"),
            (firstTimestamp, record.internalHeader(firstTimestamp) ?? "\(record.timestamp.milliseconds)"),
            (notBefore, "\(time.milliseconds)"),
        ]
        let kept =
            record.isInternal ? original(record) : record.headers.filter { !InternalHeader.all.contains($0.name) }
        return OutgoingRecord(
            topic: Topic.retries, key: record.key, value: record.value,
            headers: kept + fields.map { Header($0, text: $1) })
    }

    /// The time at which a waiting record is due.
    /// - Returns: `nil` if the record has no due time.
    public static func dueTime(of record: Record) -> Timestamp? {
        record.internalHeader(notBefore).flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
    }

    /// Restores a waiting record for its next delivery. It is unchanged except for the headers with its first place and
    /// the number of deliveries. It goes to its original topic, or for a request to the topic of retried requests.
    /// - Returns: `nil` if the original topic is not one that Winnow processes, so that a forged record cannot make
    ///   Winnow write to any other topic.
    public static func redelivery(_ record: Record) -> OutgoingRecord? {
        guard let origin = record.internalHeader(topic) else { return nil }
        let isRequest = Topic.isOpenToIntegrators(origin)
        guard isRequest || Topic.isProcessed(origin) else { return nil }
        return OutgoingRecord(
            topic: isRequest ? Topic.retriedRequests(Lane(topic: origin)) : origin, key: record.key,
            value: record.value, headers: record.headers.filter { $0.name != notBefore })
    }

    /// The headers as they were before the first delivery.
    static func original(_ record: Record) -> [Header] {
        record.isInternal ? record.headers.filter { !headers.contains($0.name) } : record.headers
    }
}
