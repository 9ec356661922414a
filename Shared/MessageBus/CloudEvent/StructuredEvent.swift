import Contracts
import JSON

/// Reads events in structured mode, where the record value is one JSON document with the whole event. Many SDKs send
/// this mode, so integrators may use it. Winnow itself never writes it.
/// - Source: CloudEvents 1.0, JSON event format
enum StructuredEvent {
    static func isOne(_ record: Record) -> Bool {
        record.headers[CloudEvent.Attribute.contentType].map { MediaType($0).name == "application/cloudevents+json" }
            ?? false
    }

    static func read(_ record: Record) throws(ContractError) -> CloudEvent {
        guard let value = record.value else { throw ContractError(.missingField, "value") }
        guard value.count <= Limits.recordBytes else {
            throw ContractError(.tooLarge, "the event has more than \(Limits.recordBytes) bytes")
        }
        let result: Result<CloudEvent, ContractError>
        do {
            result = try JSONDocument.read(value) { root in
                guard root.kind == .object else { throw ContractError(.wrongType, "the event is not a JSON object") }
                return Result { () throws(ContractError) in try event(root, record) }
            }
        } catch let error as ContractError {
            throw error
        } catch {
            throw ContractError(.notJSON, "the event cannot be read: \(error)")
        }
        return try result.get()
    }

    /// Reads the sender of an event even if the event is otherwise invalid. The id of an event that is not JSON cannot
    /// be read.
    static func identity(of record: Record) -> (id: String?, authID: String?) {
        guard let value = record.value, value.count <= Limits.recordBytes else { return (nil, nil) }
        return (try? JSONDocument.read(value) { ($0["id"]?.string, $0["authid"]?.string) }) ?? (nil, nil)
    }

    private static func event(_ root: JSONValue, _ record: Record) throws(ContractError) -> CloudEvent {
        var attributes: [(name: String, value: String)] = []
        // The trace context of the hop belongs to the Kafka record, so it is in the record's headers.
        for name in [
            CloudEvent.Attribute.traceparent, CloudEvent.Attribute.tracestate, CloudEvent.Attribute.eventTraceparent,
            CloudEvent.Attribute.eventTracestate,
        ] {
            if let value = record.headers[name] { attributes.append((name, value)) }
        }
        root.forEachMember { name, value in
            let plain = value.string ?? value.integer.map { "\($0)" } ?? value.bool.map { "\($0)" }
            guard let text = plain else { return }
            switch name {
            case "data", "data_base64": break
            case "datacontenttype": attributes.append((CloudEvent.Attribute.contentType, text))
            default: attributes.append(("ce_" + name, text))
            }
        }
        return try CloudEvent(attributes: attributes, data: try data(root))
    }

    private static func data(_ root: JSONValue) throws(ContractError) -> [UInt8]? {
        if let encoded = root["data_base64"] {
            guard let text = encoded.string else {
                throw ContractError(.wrongType, "data_base64 is not base64")
            }
            guard text.utf8.count <= Base64.length(of: Limits.requestBytes) else {
                throw ContractError(.tooLarge, "data_base64 holds more than \(Limits.requestBytes) bytes")
            }
            guard let data = Base64.bytes(text) else {
                throw ContractError(.wrongType, "data_base64 is not base64")
            }
            return data
        }
        guard let data = root["data"] else { return nil }
        // Data of a media type other than JSON is a JSON string that contains it (JSON event format, section 3.1).
        let isJSON = root["datacontenttype"]?.string.map { MediaType($0).isJSON } ?? true
        if let text = data.string, !isJSON { return Array(text.utf8) }
        var writer = JSONWriter()
        writer.value(data)
        return writer.bytes
    }
}

/// - Source: RFC 4648, section 4
enum Base64 {
    /// The number of base64 digits, including padding, that encode a number of bytes.
    static func length(of bytes: Int) -> Int { (bytes + 2) / 3 * 4 }

    /// - Returns: `nil` unless the text consists of groups of four digits, with padding only at the end.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard digits.count.isMultiple(of: 4), padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3)
        var bits: UInt32 = 0, count = 0
        for digit in digits.dropLast(padding) {
            guard let value = value(digit) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
