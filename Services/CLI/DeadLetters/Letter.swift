import Contracts
import MessageBus
import PostgresStore

/// A dead letter as people and programs see it.
struct Letter: Sendable {
    /// Its place in the dead letters' topic, written `partition-offset`.
    struct ID: Hashable, Sendable, CustomStringConvertible {
        let partition: Int32
        let offset: Int64

        init(partition: Int32, offset: Int64) { (self.partition, self.offset) = (partition, offset) }

        /// - Returns: `nil` unless `text` is `partition-offset`.
        init?(_ text: String) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let partition = Int32(parts[0]), let offset = Int64(parts[1]) else { return nil }
            self.init(partition: partition, offset: offset)
            guard description == text else { return nil }
        }

        var description: String { "\(partition)-\(offset)" }
    }

    let record: Record

    init(_ record: Record) { self.record = record }

    var id: ID { ID(partition: record.partition, offset: record.offset) }
    var reason: String { DeadLetter.reason(of: record) ?? "" }
    var originalTopic: String { DeadLetter.originalTopic(of: record) ?? "" }
    var attempt: String? { DeadLetter.attempt(of: record) }
    var requestID: String? { DeadLetter.requestID(of: record) }

    var place: DeadLetterRegister.Place {
        .init(
            topic: record.topic, partition: record.partition, offset: record.offset, writtenAt: record.timestamp)
    }

    /// The record for its topic.
    /// - Returns: `nil` where only a reference was put away, and where nothing of Winnow's reads the topic.
    var replay: OutgoingRecord? {
        guard !DeadLetter.isReference(record), Topic.isWorked(originalTopic) else { return nil }
        return DeadLetter.replay(record)
    }
}
