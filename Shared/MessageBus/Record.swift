import Contracts

/// A record that was read from a topic.
public struct Record: Sendable, Equatable {
    public var topic: String
    public var partition: Int32
    public var offset: Int64
    public var timestamp: Timestamp
    public var key: [UInt8]?
    /// `nil` is a tombstone.
    public var value: [UInt8]?
    public var headers: [Header]
    /// Whether the record is larger than `Limits.recordBytes`. In this case its key and value are not read.
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

/// A record to write. Its key determines the partition (murmur2, as in Kafka's own clients).
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
    /// An upper bound of the record's size on the wire. - Units: bytes.
    public var wireSize: Int {
        // 64 bytes are more than the lengths, attributes, timestamp and offset take. 16 bytes are more than a header's
        // lengths take.
        headers.reduce(64 + (key?.count ?? 0) + (value?.count ?? 0)) {
            $0 + 16 + $1.name.utf8.count + ($1.value?.count ?? 0)
        }
    }
}

/// A record header with a UTF-8 name and a value of bytes. A `nil` value is Kafka's null. Names may repeat.
public struct Header: Sendable, Equatable {
    public var name: String
    public var value: [UInt8]?

    public init(_ name: String, _ value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    public init(_ name: String, text: String) { self.init(name, Array(text.utf8)) }
}

extension Array<Header> {
    /// The text of the last header with this name; `nil` if there is none or if it is not valid UTF-8.
    public subscript(_ name: String) -> String? {
        last { $0.name == name }.flatMap { $0.value }.flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// Headers that Winnow's services use to tell each other how to handle a record.
///
/// They are trusted only on records that no one else can write. On topics that are open to integrators they are
/// ignored, so that no header from outside changes how a record is handled.
public enum InternalHeader {
    /// On a request that waited in the store: it was cancelled while it waited.
    public static let cancelled = "winnow_cancelled"
    /// On a request that waited in the store: the place where the request was first read.
    public static let place = "winnow_place"

    static let all = Retry.headers.union([cancelled, place])
}

extension Record {
    /// Whether only Winnow can have written the record: it comes from the store, or from a topic that is closed to
    /// integrators.
    public var isInternal: Bool { offset < 0 || !Topic.isOpenToIntegrators(topic) }

    /// - Returns: the value of an internal header; `nil` if the record may come from outside.
    public func internalHeader(_ name: String) -> String? { isInternal ? headers[name] : nil }
}

/// The signature of a record and the headers that it covers.
public enum SignedHeaders {
    /// Lower-case hexadecimal.
    private static let signature = "winnow_signature"

    public static func signature(of record: Record) -> String? { record.headers[signature] }

    public static func header(_ text: String) -> Header { Header(signature, text: text) }

    /// The event's attributes, ordered by name. Other headers are not covered, since a redelivery adds some.
    public static func covered(_ headers: [Header]) -> [(name: [UInt8], value: [UInt8]?)] {
        headers.filter { $0.name.hasPrefix("ce_") }.map { (name: Array($0.name.utf8), value: $0.value) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}

/// One partition of a topic.
public struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
    public let topic: String
    public let partition: Int32

    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    public var description: String { "\(topic)[\(partition)]" }
}

extension Record {
    public var topicPartition: TopicPartition { TopicPartition(topic: topic, partition: partition) }
}

/// The place where a record was first read. It includes the timestamp, since offsets of a recreated topic start again
/// at 0.
public struct RecordPlace: Sendable, Hashable {
    public let topic: String
    public let partition: Int32
    public let offset: Int64
    public let timestamp: Timestamp

    /// Whether the request waited in the store. Its record then has no position in a topic.
    public var isStore: Bool { offset < 0 }

    public init(topic: String, partition: Int32, offset: Int64, timestamp: Timestamp) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
    }

    /// The place of the first delivery of a record, even if the record went through other topics since.
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

    /// A hash of the place. It is the same for every delivery of a record, and tells a redelivery from a copy.
    /// - Source: FNV-1a, 64 bits; infra/decisions/0026-redeliveries-and-copies.md
    public var number: Int64 {
        let hash = "\(topic)/\(partition)/\(offset)/\(timestamp.milliseconds)".utf8
            .reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return Int64(bitPattern: hash)
    }
}
