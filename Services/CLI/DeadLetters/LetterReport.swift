import Contracts
import JSON
import MessageBus

/// One dead letter in full, but for its payload unless that is asked for.
struct LetterReport {
    let letter: Letter
    let withPayload: Bool

    var text: String {
        var rows: [(String, String)] = [
            ("id", "\(letter.id)"), ("at", letter.record.timestamp.rfc3339),
            ("key", size(of: letter.record.key)), ("value", size(of: letter.record.value)),
        ]
        rows += letter.record.headers.map { ("header \($0.name)", $0.value.map(shown) ?? "null") }
        if withPayload { rows.append(("payload", letter.record.value.map(shown) ?? "null")) }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "\($0.visible.padded(to: width))  \($1)" }.joined(separator: "\n")
    }

    /// What is null has no size; bytes that are no UTF-8 have nothing but their size.
    var json: String {
        var writer = JSONWriter()
        writer.object { body in
            body.member("id", "\(letter.id)")
            body.member("at", letter.record.timestamp.rfc3339)
            if let key = letter.record.key { body.member("keyBytes", key.count) }
            if let value = letter.record.value { body.member("valueBytes", value.count) }
            body.name("headers")
            body.array(letter.record.headers) { writer, header in
                writer.object { body in
                    body.member("name", header.name)
                    if let value = header.value { body.member("bytes", value.count) }
                    body.member("value", header.value.flatMap { String(validating: $0, as: UTF8.self) })
                }
            }
            if withPayload {
                body.member("payload", letter.record.value.flatMap { String(validating: $0, as: UTF8.self) })
            }
        }
        return writer.text
    }

    private func size(of bytes: [UInt8]?) -> String { bytes.map { "\($0.count) bytes" } ?? "null" }

    private func shown(_ bytes: [UInt8]) -> String {
        String(validating: bytes, as: UTF8.self)?.visible ?? "\(bytes.count) bytes that are no UTF-8"
    }
}
