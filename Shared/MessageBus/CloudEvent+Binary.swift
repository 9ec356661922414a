import Contracts

extension CloudEvent {
    init(binary record: Record) throws(ContractError) {
        var attributes: [(name: String, value: String)] = []
        attributes.reserveCapacity(record.headers.count)
        for header in record.headers {
            guard let value = header.value else { continue }
            // Other producers' headers may hold anything.
            guard let text = String(validating: value, as: UTF8.self) else {
                guard header.name.hasPrefix("ce_") else { continue }
                throw ContractError(.invalidHeader, "a ce_ header is no UTF-8")
            }
            attributes.append((header.name, text))
        }
        try self.init(attributes: attributes, data: record.value)
    }

    /// The headers of binary mode.
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
