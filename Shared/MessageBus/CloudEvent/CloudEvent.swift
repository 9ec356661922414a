import Contracts

/// A CloudEvents 1.0 event: its attributes and its data.
/// - Source: CloudEvents 1.0, Kafka protocol binding
public struct CloudEvent: Sendable, Equatable {
    /// Unique within `source`. Two events with the same source and id are the same event, sent or delivered twice.
    public var id: String
    public var type: String
    public var source: String
    public var time: Timestamp?
    public var subject: String?
    /// The media type of `data`.
    public var contentType: String?
    /// The request's id.
    public var correlationID: String?
    /// The id of the event that caused this one.
    public var causationID: String?
    /// Nothing is computed for the event after this time.
    public var expiryTime: Timestamp?
    public var partitionKey: String?
    public var authType: String?
    /// The tenant that sends the request.
    public var authID: String?
    /// The location of data that is too large for a record.
    public var dataRef: String?
    public var dataClassification: String?
    public var sampledRate: Int?
    /// The trace context of the hop. - Source: W3C Trace Context
    public var traceparent: String?
    public var tracestate: String?
    /// `nil` is a tombstone.
    public var data: [UInt8]?

    public init(
        id: String, type: String, source: String, time: Timestamp? = nil, contentType: String? = "application/json",
        correlationID: String? = nil, causationID: String? = nil, expiryTime: Timestamp? = nil,
        authID: String? = nil, traceparent: String? = nil, data: [UInt8]? = nil
    ) {
        self.id = id
        self.type = type
        self.source = source
        self.time = time
        self.contentType = contentType
        self.correlationID = correlationID
        self.causationID = causationID
        self.expiryTime = expiryTime
        self.authID = authID
        self.traceparent = traceparent
        self.data = data
    }

    /// Reads a record in binary mode, or in structured mode if its `content-type` says so.
    /// - Throws: `ContractError`, never retriable. The record becomes a dead letter.
    public init(_ record: Record) throws(ContractError) {
        guard !record.isOversized else {
            throw ContractError(.tooLarge, "the record has more than \(Limits.recordBytes) bytes")
        }
        self = StructuredEvent.isOne(record) ? try StructuredEvent.read(record) : try CloudEvent(binary: record)
    }

    /// Reads a record of a topic whose events have one type.
    /// - Throws: `ContractError`, also if the event has another type.
    public init(_ record: Record, as type: String) throws(ContractError) {
        try self.init(record)
        guard self.type == type else { throw ContractError(.unknownType, "\(Attribute.type) must be \(type)") }
    }

    /// Reads only the id and the tenant. They are enough to send a rejection for a record that is otherwise invalid.
    /// - Returns: `nil` if no usable id can be read.
    public static func identity(of record: Record) -> CloudEvent? {
        let (id, authID) =
            StructuredEvent.isOne(record)
            ? StructuredEvent.identity(of: record)
            : (record.headers[Attribute.id], record.headers[Attribute.authID])
        guard let id, (1...Limits.identifierBytes).contains(id.utf8.count),
            authID?.utf8.count ?? 0 <= Limits.identifierBytes
        else { return nil }
        return CloudEvent(id: id, type: "", source: "", authID: authID)
    }
}

extension CloudEvent {
    /// Header names in binary mode. Structured mode uses the same names without `ce_`.
    enum Attribute {
        static let specversion = "ce_specversion"
        static let id = "ce_id"
        static let type = "ce_type"
        static let source = "ce_source"
        static let time = "ce_time"
        static let subject = "ce_subject"
        static let correlationID = "ce_correlationid"
        static let causationID = "ce_causationid"
        static let expiryTime = "ce_expirytime"
        static let partitionKey = "ce_partitionkey"
        static let authType = "ce_authtype"
        static let authID = "ce_authid"
        static let dataRef = "ce_dataref"
        static let dataClassification = "ce_dataclassification"
        static let sampledRate = "ce_sampledrate"
        static let contentType = "content-type"
        static let traceparent = "traceparent"
        static let tracestate = "tracestate"
        /// The trace context as attributes of the event. - Source: CloudEvents, distributed tracing extension
        static let eventTraceparent = "ce_traceparent"
        static let eventTracestate = "ce_tracestate"
    }

    /// Checks the attributes. If a name is repeated, the last value wins, as in `Array<Header>`.
    /// - Throws: `ContractError`, which names the attribute and never quotes its value.
    init(attributes: some Sequence<(name: String, value: String)>, data: [UInt8]?) throws(ContractError) {
        var version: String?
        var trace: (parent: String?, state: String?)
        self.init(id: "", type: "", source: "", contentType: nil, data: data)
        for (name, value) in attributes {
            switch name {
            case Attribute.specversion: version = value
            case Attribute.id: id = value
            case Attribute.type: type = value
            case Attribute.source: source = value
            case Attribute.time: time = try Self.timestamp(name, value)
            case Attribute.subject: subject = value
            case Attribute.correlationID: correlationID = value
            case Attribute.causationID: causationID = value
            case Attribute.expiryTime: expiryTime = try Self.timestamp(name, value)
            case Attribute.partitionKey: partitionKey = value
            case Attribute.authType: authType = value
            case Attribute.authID: authID = value
            case Attribute.dataRef: dataRef = value
            case Attribute.dataClassification: dataClassification = value
            case Attribute.sampledRate: sampledRate = Int(value)
            case Attribute.contentType: contentType = value
            // A malformed traceparent is ignored (W3C Trace Context, 4.3).
            case Attribute.traceparent: traceparent = Self.isTraceparent(value) ? value : nil
            case Attribute.tracestate: tracestate = value
            case Attribute.eventTraceparent: trace.parent = Self.isTraceparent(value) ? value : nil
            case Attribute.eventTracestate: trace.state = value
            default: break
            }
        }
        // The event's own trace context takes precedence over the context of the hop.
        if trace.parent != nil { (traceparent, tracestate) = trace }
        guard let version else { throw ContractError(.missingField, Attribute.specversion) }
        guard version == "1.0" else {
            throw ContractError(.invalidHeader, "\(Attribute.specversion) must be 1.0")
        }
        for (name, value) in [(Attribute.id, id), (Attribute.type, type), (Attribute.source, source)] {
            guard !value.isEmpty else { throw ContractError(.missingField, name) }
        }
        for (name, value) in [(Attribute.id, id), (Attribute.authID, authID ?? "")]
        where value.utf8.count > Limits.identifierBytes {
            throw ContractError(.tooLarge, "\(name) has more than \(Limits.identifierBytes) bytes")
        }
    }

    /// - Source: W3C Trace Context, 3.2: version, trace-id, parent-id and flags in lower-case hexadecimal
    private static func isTraceparent(_ value: String) -> Bool {
        let parts = value.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return parts.map(\.count) == [2, 32, 16, 2]
            && parts.joined().allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func timestamp(_ name: String, _ value: String) throws(ContractError) -> Timestamp {
        guard let timestamp = Timestamp(rfc3339: value) else {
            throw ContractError(.invalidHeader, "\(name) is not an RFC 3339 time")
        }
        return timestamp
    }
}

extension CloudEvent {
    init(binary record: Record) throws(ContractError) {
        var attributes: [(name: String, value: String)] = []
        attributes.reserveCapacity(record.headers.count)
        for header in record.headers {
            guard let value = header.value else { continue }
            // Headers of other producers may hold arbitrary bytes.
            guard let text = String(validating: value, as: UTF8.self) else {
                guard header.name.hasPrefix("ce_") else { continue }
                throw ContractError(.invalidHeader, "a ce_ header is not valid UTF-8")
            }
            attributes.append((header.name, text))
        }
        try self.init(attributes: attributes, data: record.value)
    }

    /// The event's headers in binary mode.
    public var headers: [Header] {
        var headers = [
            Header(Attribute.specversion, text: "1.0"),
            Header(Attribute.type, text: type),
            Header(Attribute.source, text: source),
            Header(Attribute.id, text: id),
        ]
        headers.reserveCapacity(12)
        let optional: [(String, String?)] = [
            (Attribute.time, time.map(\.rfc3339)), (Attribute.subject, subject),
            (Attribute.correlationID, correlationID), (Attribute.causationID, causationID),
            (Attribute.expiryTime, expiryTime.map(\.rfc3339)), (Attribute.partitionKey, partitionKey),
            (Attribute.authType, authType), (Attribute.authID, authID), (Attribute.dataRef, dataRef),
            (Attribute.dataClassification, dataClassification),
            (Attribute.sampledRate, sampledRate.map { "\($0)" }), (Attribute.contentType, contentType),
            (Attribute.traceparent, traceparent), (Attribute.tracestate, tracestate),
        ]
        for (name, value) in optional {
            if let value { headers.append(Header(name, text: value)) }
        }
        return headers
    }

    /// The event as a record in binary mode.
    public func record(topic: String, key: [UInt8]?) -> OutgoingRecord {
        OutgoingRecord(topic: topic, key: key, value: data, headers: headers)
    }
}
