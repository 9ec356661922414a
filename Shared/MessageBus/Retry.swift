import Contracts

/// A record that failed for a passing reason, as it waits for its next delivery.
/// - Source: Spring for Apache Kafka's headers of retry topics; numbers are decimal text
public enum Retry {
    static let topic = "kafka_original-topic"
    static let partition = "kafka_original-partition"
    static let offset = "kafka_original-offset"
    static let timestamp = "kafka_original-timestamp"
    public static let attemptsHeader = "retry_topic-attempts"
    static let firstTimestamp = "retry_topic-original-timestamp"
    static let notBefore = "retry_topic-backoff-timestamp"

    static let headers: Set = [topic, partition, offset, timestamp, attemptsHeader, firstTimestamp, notBefore]

    /// Which delivery of the record this is, from 1 on.
    public static func attempt(of record: Record) -> Int {
        guard let text = record.internalHeader(attemptsHeader), let count = Int(text), (0..<1000).contains(count) else {
            return 1
        }
        return count + 1
    }

    /// The original key, value and headers, and where the record came from, how often, and when it is due. A record from
    /// outside loses headers that are named like Winnow's own, since they would count from here on.
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

    /// When a waiting record is due.
    /// - Returns: `nil` when it does not say.
    public static func dueTime(of record: Record) -> Timestamp? {
        record.internalHeader(notBefore).flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
    }

    /// A waiting record for its next delivery, as it was but for where it was first and the count of its deliveries. It
    /// goes to its original topic; a request goes to the topic for retried requests.
    /// - Returns: `nil` when it names no topic that Winnow works on: nobody may have it write anywhere else.
    public static func redelivery(_ record: Record) -> OutgoingRecord? {
        guard let origin = record.internalHeader(topic) else { return nil }
        let isRequest = Topic.isOpenToIntegrators(origin)
        guard isRequest || Topic.worked.contains(origin) else { return nil }
        return OutgoingRecord(
            topic: isRequest ? Topic.retriedRequests(Lane(topic: origin)) : origin, key: record.key,
            value: record.value, headers: record.headers.filter { $0.name != notBefore })
    }

    /// The headers as they were before the first delivery.
    static func original(_ record: Record) -> [Header] {
        record.isInternal ? record.headers.filter { !headers.contains($0.name) } : record.headers
    }
}
