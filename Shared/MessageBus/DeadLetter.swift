import Contracts

/// A record that could not be worked on, as it is put away.
/// - Source: Spring for Apache Kafka's headers, which tools for dead letters read already
public enum DeadLetter {
    static let attemptHeader = "kafka_deliveryAttempt"
    static let prefix = "kafka_dlt-"

    /// The original key, value and headers byte for byte, and where it came from and why it is here. A record that was too
    /// large to be read is put away as a reference.
    ///
    /// - Parameter error: its type and code are written; its message only where it is one of Winnow's own errors,
    ///   whose messages never hold payload.
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

    /// Where a record lies that is too large to be put away: near the limit, there is no room for a dead letter's headers.
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

    /// What a dead letter says about itself, for logs and metrics: no payload.
    public struct Summary: Sendable, Equatable {
        /// The error's type and code.
        public let reason: String
        public let message: String
        public let topic: String
        public let partition: String
        public let offset: String
    }

    /// - Returns: `nil` for a record that is no dead letter.
    public static func summary(of record: OutgoingRecord) -> Summary? {
        guard record.topic == Topic.deadLetters else { return nil }
        func field(_ name: String) -> String { record.headers[prefix + name] ?? "" }
        return Summary(
            reason: field("exception-fqcn"), message: field("exception-message"), topic: field("original-topic"),
            partition: field("original-partition"), offset: field("original-offset"))
    }

    /// The error's type, and its code where it is one of Winnow's own; no payload.
    public static func reason(of error: any Error) -> String {
        code(of: error).map { "\(Swift.type(of: error)).\($0)" } ?? "\(Swift.type(of: error))"
    }

    private static func code(of error: any Error) -> Any? {
        let code = Mirror(reflecting: error).children.first { $0.label == "code" }
        return code.flatMap { ($0.value as? any RawRepresentable)?.rawValue }
    }

    /// Where it came from; `nil` when it is no dead letter.
    public static func originalTopic(of record: Record) -> String? { record.headers[prefix + "original-topic"] }

    /// How often it was delivered.
    public static func attempt(of record: Record) -> String? { record.headers[attemptHeader] }

    /// The request that it is about, as far as it says so.
    public static func requestID(of record: Record) -> String? { record.headers[CloudEvent.Attribute.correlationID] }

    /// Why it was put away: the error's type and code.
    public static func reason(of record: Record) -> String? { record.headers[prefix + "exception-fqcn"] }

    /// Whether it only says where the record lies, so that there is nothing to replay.
    public static func isReference(_ record: Record) -> Bool {
        record.key == nil && record.value == nil
            && record.headers.allSatisfy { $0.name.hasPrefix(prefix) || $0.name == attemptHeader }
    }

    /// The record as it was, for its original topic.
    /// - Returns: `nil` when it is no dead letter.
    public static func replay(_ record: Record) -> OutgoingRecord? {
        guard let topic = originalTopic(of: record) else { return nil }
        return OutgoingRecord(
            topic: topic, key: record.key, value: record.value,
            headers: record.headers.filter { !$0.name.hasPrefix(prefix) && $0.name != attemptHeader })
    }
}
