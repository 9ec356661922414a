import CSimdjson

/// A document parsed and fully validated (syntax, UTF-8, depth 64) by simdjson.
///
/// Foundation's decoder costs 20 µs a message, nine tenths of a hop; walking simdjson's tape costs about one.
public enum JSONDocument {
    /// Lends the root value; it must not leave `body`, for the tape is reused by the next document.
    /// - Throws: `JSONError` when `bytes` are not one JSON value; whatever `body` throws.
    public static func read<Result>(
        _ bytes: some Sequence<UInt8>, _ body: (JSONValue) throws -> Result
    ) throws -> Result {
        if let result = try bytes.withContiguousStorageIfAvailable({ try read($0, body) }) { return result }
        return try Array(bytes).withUnsafeBufferPointer { try read($0, body) }
    }

    private static func read<Result>(
        _ bytes: UnsafeBufferPointer<UInt8>, _ body: (JSONValue) throws -> Result
    ) throws -> Result {
        var document = winnow_json_document()
        let code = winnow_json_open(bytes.baseAddress, bytes.count, &document)
        guard code == 0 else {
            throw JSONError("not valid JSON: \(winnow_json_error(code).map { String(cString: $0) } ?? "code \(code)")")
        }
        defer { winnow_json_close(document) }
        // Slot 0 is simdjson's root marker; the value begins at 1.
        return try body(JSONValue(tape: document.tape, strings: document.strings, index: 1))
    }
}
