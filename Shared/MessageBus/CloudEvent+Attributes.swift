import Contracts

extension CloudEvent {
    /// Names as binary mode has them in headers; structured mode has them without `ce_`.
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
        /// The same as attributes of the event. - Source: CloudEvents, distributed tracing extension
        static let eventTraceparent = "ce_traceparent"
        static let eventTracestate = "ce_tracestate"
    }

    /// Every attribute as text, checked. Later values of a repeated name win, as in `Array<Header>`.
    /// - Throws: `ContractError`, which names the attribute and never quotes it.
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
            // A malformed one counts as none (W3C Trace Context, 4.3).
            case Attribute.traceparent: traceparent = Self.isTraceparent(value) ? value : nil
            case Attribute.tracestate: tracestate = value
            case Attribute.eventTraceparent: trace.parent = Self.isTraceparent(value) ? value : nil
            case Attribute.eventTracestate: trace.state = value
            default: break
            }
        }
        // The event's own trace goes before that of the hop that brought it.
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
            throw ContractError(.invalidHeader, "\(name) is no RFC 3339 time")
        }
        return timestamp
    }
}
