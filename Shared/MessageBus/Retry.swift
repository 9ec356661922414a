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

    /// What a record delivered again still carries: how often it came, and when it came first.
    private static let carried: Set = [attemptsHeader, firstTimestamp]
    private static let all: Set = [topic, partition, offset, timestamp, attemptsHeader, firstTimestamp, notBefore]

    /// Which delivery of the record this is, from 1 on.
    public static func attempt(of record: Record) -> Int {
        // Anyone may write a header: what is no sensible number counts as none.
        guard let text = record.headers[attemptsHeader], let count = Int(text), (0..<1000).contains(count) else {
            return 1
        }
        return count + 1
    }

    /// The original key, value and headers byte for byte, and where it came from, how often, and when it is due.
    public static func record(from record: Record, notBefore time: Timestamp) -> OutgoingRecord {
        let fields: [(String, String)] = [
            (topic, record.topic), (partition, "\(record.partition)"), (offset, "\(record.offset)"),
            (timestamp, "\(record.timestamp.milliseconds)"), (attemptsHeader, "\(attempt(of: record))"),
            (firstTimestamp, record.headers[firstTimestamp] ?? "\(record.timestamp.milliseconds)"),
            (notBefore, "\(time.milliseconds)"),
        ]
        return OutgoingRecord(
            topic: Topic.retries, key: record.key, value: record.value,
            headers: original(record.headers) + fields.map { Header($0, text: $1) })
    }

    /// When a waiting record is due.
    /// - Returns: `nil` when it does not say.
    public static func dueTime(of record: Record) -> Timestamp? {
        record.headers[notBefore].flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
    }

    /// A waiting record for its original topic, as it was but for the count of its deliveries.
    /// - Returns: `nil` when it names no topic that Winnow works on: nobody may have it write anywhere else.
    public static func redelivery(_ record: Record) -> OutgoingRecord? {
        guard let topic = record.headers[topic], Topic.worked.contains(topic) else { return nil }
        return OutgoingRecord(
            topic: topic, key: record.key, value: record.value,
            headers: record.headers.filter { !all.contains($0.name) || carried.contains($0.name) })
    }

    /// The headers as they were before the first delivery.
    static func original(_ headers: [Header]) -> [Header] { headers.filter { !carried.contains($0.name) } }
}
