import Contracts

/// A record that could not be processed and is kept for an operator.
/// - Source: the headers of Spring for Apache Kafka, which existing tools for dead letters can read
public enum DeadLetter {
    static let attemptHeader = "kafka_deliveryAttempt"
    static let prefix = "kafka_dlt-"

    /// Creates a dead letter with the original key, value and headers byte for byte, the origin of the record and the
    /// error. If the record was too large to be read, the dead letter is a reference.
    ///
    /// - Parameter error: its type and code are written. Its message is written only if it is one of Winnow's own
    ///   errors, whose messages never contain payload.
    public static func record(
        from record: Record, consumerGroup: String, error: any Error, attempt: Int,
        topic: String = Topic.deadLetters
    ) -> OutgoingRecord {
        guard !record.isOversized else {
            return reference(to: record, consumerGroup: consumerGroup, error: error, attempt: attempt, topic: topic)
        }
        return OutgoingRecord(
            topic: topic, key: record.key, value: record.value,
            headers: Retry.original(record)
                + added(from: record, consumerGroup: consumerGroup, error: error, attempt: attempt))
    }

    /// Creates a reference to a record whose dead letter would be too large. A record near the size limit has no room
    /// for the headers of a dead letter.
    public static func reference(
        to record: Record, consumerGroup: String, error: any Error, attempt: Int,
        topic: String = Topic.deadLetters
    ) -> OutgoingRecord {
        OutgoingRecord(
            topic: topic, key: nil, value: nil,
            headers: added(from: record, consumerGroup: consumerGroup, error: error, attempt: attempt))
    }

    private static func added(
        from record: Record, consumerGroup: String, error: any Error, attempt: Int
    ) -> [Header] {
        let place = RecordPlace(record)
        let code = code(of: error)
        let fields: [(String, String)] = [
            ("original-topic", place.topic),
            ("original-partition", "\(place.partition)"),
            ("original-offset", "\(place.offset)"),
            ("original-timestamp", "\(place.timestamp.milliseconds)"),
            ("original-consumer-group", consumerGroup),
            ("exception-fqcn", reason(of: error)),
            ("exception-message", code == nil ? "\(Swift.type(of: error))" : "\(error)"),
        ]
        return fields.map { Header(prefix + $0, text: $1) } + [Header(attemptHeader, text: "\(attempt)")]
    }

    /// The facts about a dead letter for logs and metrics. Contains no payload.
    public struct Summary: Sendable, Equatable {
        /// The error's type and code.
        public let reason: String
        public let message: String
        public let topic: String
        public let partition: String
        public let offset: String
    }

    /// - Returns: `nil` if the record is not a dead letter.
    public static func summary(of record: OutgoingRecord) -> Summary? {
        guard record.topic == Topic.deadLetters else { return nil }
        func field(_ name: String) -> String { record.headers[prefix + name] ?? "" }
        return Summary(
            reason: field("exception-fqcn"), message: field("exception-message"), topic: field("original-topic"),
            partition: field("original-partition"), offset: field("original-offset"))
    }

    /// The error's type, and its code if it is one of Winnow's own errors. Contains no payload.
    public static func reason(of error: any Error) -> String {
        code(of: error).map { "\(Swift.type(of: error)).\($0)" } ?? "\(Swift.type(of: error))"
    }

    private static func code(of error: any Error) -> Any? {
        let code = Mirror(reflecting: error).children.first { $0.label == "code" }
        return code.flatMap { ($0.value as? any RawRepresentable)?.rawValue }
    }

    /// The topic from which the record came; `nil` if it is not a dead letter.
    public static func originalTopic(of record: Record) -> String? { record.headers[prefix + "original-topic"] }

    /// The number of deliveries before the record became a dead letter.
    public static func attempt(of record: Record) -> String? { record.headers[attemptHeader] }

    /// The id of the request that the record belongs to; `nil` if the record has none.
    public static func requestID(of record: Record) -> String? { record.headers[CloudEvent.Attribute.correlationID] }

    /// The type and code of the error.
    public static func reason(of record: Record) -> String? { record.headers[prefix + "exception-fqcn"] }

    /// Whether the dead letter only holds the position of the record, so that it cannot be replayed.
    public static func isReference(_ record: Record) -> Bool {
        record.key == nil && record.value == nil
            && record.headers.allSatisfy { $0.name.hasPrefix(prefix) || $0.name == attemptHeader }
    }

    /// Restores the original record for its original topic.
    /// - Returns: `nil` if the record is not a dead letter.
    public static func replay(_ record: Record) -> OutgoingRecord? {
        guard let topic = originalTopic(of: record) else { return nil }
        return OutgoingRecord(
            topic: topic, key: record.key, value: record.value,
            headers: record.headers.filter { !$0.name.hasPrefix(prefix) && $0.name != attemptHeader })
    }
}
