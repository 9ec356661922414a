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

/// A record header: UTF-8 name, value as bytes; a `nil` value is Kafka's null, names may repeat.
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
    /// The last header of that name as text; `nil` where there is none or it is no UTF-8.
    public subscript(_ name: String) -> String? {
        last { $0.name == name }.flatMap { $0.value }.flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// Headers by which Winnow's services tell each other how a record is to be treated.
///
/// They count only on records that nobody else can have written. On a topic of the integrators they are ignored, so that no
/// header from outside changes what becomes of a record.
public enum InternalHeader {
    /// On a request that waited: somebody has cancelled it meanwhile.
    public static let cancelled = "winnow_cancelled"
    /// On a request that waited: where it stood when it came.
    public static let place = "winnow_place"

    static let all = Retry.headers.union([cancelled, place])
}

extension Record {
    /// Whether only Winnow can have written the record: it waited in the store, or its topic is one of Winnow's own.
    public var isInternal: Bool { offset < 0 || !Topic.isOpenToIntegrators(topic) }

    /// - Returns: the value of an internal header; `nil` on a record that somebody else may have written.
    public func internalHeader(_ name: String) -> String? { isInternal ? headers[name] : nil }
}

/// The signature of a record, and the headers that it covers.
public enum SignedHeaders {
    /// Lower-case hexadecimal.
    private static let signature = "winnow_signature"

    public static func signature(of record: Record) -> String? { record.headers[signature] }

    public static func header(_ text: String) -> Header { Header(signature, text: text) }

    /// The event's attributes in the order of their names. Other headers are left out, since a redelivery adds some.
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
