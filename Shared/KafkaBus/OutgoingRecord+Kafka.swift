import CRDKafka
import MessageBus

extension OutgoingRecord {
    /// Copies the record into librdkafka's queue.
    func enqueue(_ client: OpaquePointer, _ topic: OpaquePointer, _ pending: PendingSend) -> rd_kafka_resp_err_t {
        let list = headers.isEmpty ? nil : rd_kafka_headers_new(headers.count)
        for header in headers {
            Self.lend(header.value) { value, size in
                _ = rd_kafka_header_add(list, header.name, -1, value, size)
            }
        }
        let share = pending.opaque
        let code = Self.lend(key) { key, keySize in
            Self.lend(value) { value, valueSize in
                winnow_produce(client, topic, key, keySize, value, valueSize, list, share)
            }
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            // Nothing was taken over: no report will come, and the headers are still ours.
            if let list { rd_kafka_headers_destroy(list) }
            _ = PendingSend.take(share)
        }
        return code
    }

    /// Null and empty differ: an empty value needs an address, which an empty array does not have.
    private static func lend<Result>(_ bytes: [UInt8]?, _ body: (UnsafeRawPointer?, Int) -> Result) -> Result {
        guard let bytes else { return body(nil, 0) }
        return bytes.isEmpty
            ? withUnsafeBytes(of: UInt8(0)) { body($0.baseAddress, 0) }
            : bytes.withUnsafeBytes { body($0.baseAddress, $0.count) }
    }
}
