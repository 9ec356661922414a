import Contracts

/// An event as CloudEvents 1.0 has it: its attributes and its data.
/// - Source: CloudEvents 1.0, Kafka protocol binding
public struct CloudEvent: Sendable, Equatable {
    /// Unique within `source`; a repeated one is the same event, delivered again.
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
    /// Past it nothing is computed any more.
    public var expiryTime: Timestamp?
    public var partitionKey: String?
    public var authType: String?
    /// Who asks: the tenant.
    public var authID: String?
    /// Where the data is, should it be too big for a record.
    public var dataRef: String?
    public var dataClassification: String?
    public var sampledRate: Int?
    /// The hop. - Source: W3C Trace Context
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

    /// Reads a record in binary mode, or in structured mode where its `content-type` says so.
    /// - Throws: `ContractError`, never retriable: the record belongs to the dead letters.
    public init(_ record: Record) throws(ContractError) {
        guard !record.isOversized else {
            throw ContractError(.tooLarge, "the record has more than \(Limits.recordBytes) bytes")
        }
        self = StructuredEvent.isOne(record) ? try StructuredEvent.read(record) : try CloudEvent(binary: record)
    }

    /// Reads a record of a topic that holds events of one type.
    /// - Throws: `ContractError`, also for an event of another type.
    public init(_ record: Record, as type: String) throws(ContractError) {
        try self.init(record)
        guard self.type == type else { throw ContractError(.unknownType, "\(Attribute.type) must be \(type)") }
    }

    /// Reads only id and tenant, which is enough to reject a record that is invalid otherwise.
    /// - Returns: `nil` where no usable id can be read.
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
