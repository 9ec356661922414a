import Contracts

/// Where a record was read first. The timestamp belongs to it, for a topic that is made anew counts from 0 again.
public struct RecordPlace: Sendable, Hashable {
    public let topic: String
    public let partition: Int32
    public let offset: Int64
    public let timestamp: Timestamp

    /// Whether it has waited in the store, and came from no topic.
    public var isStore: Bool { offset < 0 }

    public init(topic: String, partition: Int32, offset: Int64, timestamp: Timestamp) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
    }

    /// The place of the first delivery of a record, whichever topics it went through since.
    public init(_ record: Record) {
        let number = { (name: String) in record.internalHeader(name).flatMap { Int64($0) } }
        if record.topic != Topic.retries, let topic = record.internalHeader(Retry.topic),
            let partition = number(Retry.partition), let offset = number(Retry.offset),
            let timestamp = number(Retry.timestamp)
        {
            self.init(
                topic: topic, partition: Int32(clamping: partition), offset: offset,
                timestamp: Timestamp(milliseconds: timestamp))
        } else {
            self.init(
                topic: record.topic, partition: record.partition, offset: record.offset, timestamp: record.timestamp)
        }
    }

    /// The place as one number, the same at every delivery. - Source: FNV-1a, 64 bits
    public var number: Int64 {
        let hash = "\(topic)/\(partition)/\(offset)/\(timestamp.milliseconds)".utf8
            .reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return Int64(bitPattern: hash)
    }
}
