import Contracts

/// A record as it was read from a topic.
public struct Record: Sendable, Equatable {
    public var topic: String
    public var partition: Int32
    public var offset: Int64
    public var timestamp: Timestamp
    public var key: [UInt8]?
    /// `nil` is a tombstone.
    public var value: [UInt8]?
    public var headers: [Header]
    /// Whether it is larger than `Limits.recordBytes`. Its key and value were not read then.
    public var isOversized: Bool

    public init(
        topic: String, partition: Int32, offset: Int64, timestamp: Timestamp, key: [UInt8]?, value: [UInt8]?,
        headers: [Header] = [], isOversized: Bool = false
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
        self.isOversized = isOversized
    }
}

/// A record to be written. The key decides the partition (murmur2, as Kafka's own clients).
public struct OutgoingRecord: Sendable, Equatable {
    public var topic: String
    public var key: [UInt8]?
    public var value: [UInt8]?
    public var headers: [Header]

    public init(topic: String, key: [UInt8]?, value: [UInt8]?, headers: [Header] = []) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
    }
}

extension OutgoingRecord {
    /// What the record takes on the wire, rounded up. - Units: bytes.
    public var wireSize: Int {
        // 64 is more than lengths, attributes, timestamp and offset take, and 16 more than a header's lengths.
        headers.reduce(64 + (key?.count ?? 0) + (value?.count ?? 0)) {
            $0 + 16 + $1.name.utf8.count + ($1.value?.count ?? 0)
        }
    }
}
