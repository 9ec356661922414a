import CZlib
import Contracts
import JSON

/// A line of a labelled file: `{"capability", "task", "text", "label"}`.
struct LabelledItem: Sendable {
    var route: Route
    var text: String
    /// `nil` only where none is asked for.
    var label: String?

    /// Reads JSON Lines, gzipped or plain.
    /// - Parameter mayLackLabels: whether a line without a label will do.
    /// - Throws: `LabelledFileError`, which names the line and never quotes it.
    static func read(_ path: String, mayLackLabels: Bool = false) throws -> [LabelledItem] {
        guard let file = gzopen(path, "rb") else { throw LabelledFileError("\(path) cannot be opened") }
        defer { gzclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = gzread(file, &chunk, UInt32(chunk.count))
            guard count >= 0 else { throw LabelledFileError("\(path) is damaged") }
            guard count > 0 else { break }
            bytes += chunk[..<Int(count)]
        }
        // A gzip file that was cut off ends like a whole one; only the status tells.
        var status = Z_OK
        gzerror(file, &status)
        guard status == Z_OK else { throw LabelledFileError("\(path) is damaged") }
        return try bytes.split(separator: UInt8(ascii: "\n")).enumerated().map { number, line in
            do {
                return try JSONDocument.read(line) { try item($0, mayLackLabels) }
            } catch {
                throw LabelledFileError("\(path), line \(number + 1): \(error)")
            }
        }
    }

    private static func item(_ value: JSONValue, _ mayLackLabels: Bool) throws -> LabelledItem {
        let label = value["label"]
        guard let capability = value["capability"]?.string, let task = value["task"]?.string,
            let text = value["text"]?.string, label?.string != nil || mayLackLabels && label == nil
        else { throw LabelledFileError("capability, task, text and label must be strings") }
        let route = Route(Capability(rawValue: capability), task)
        guard Route.requestable.contains(route) else { throw LabelledFileError("no such capability/task") }
        return LabelledItem(route: route, text: text, label: label?.string)
    }
}

struct LabelledFileError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
