import Contracts
import JSON
import Models

/// What the answer to a routing must look like: the tasks that a text is for, or where it is cut and the tasks of each
/// part.
///
/// A model that cuts repeats only the first words of each part. A whole text would cost as many tokens again, and a model
/// that writes it differently would lose some of it.
struct RoutingForm: Sendable {
    let labels: [Question.Label]
    let cuts: Bool

    /// More wishes than anybody puts into one sentence.
    private static let mostParts = 16

    var instruction: String {
        var lines = ["The tasks are:"]
        lines += labels.map { "- \($0.name): \($0.description)" }
        lines.append("Name a task by the words before its colon. If a text is for several tasks, name them all.")
        lines.append("If it is for none of them, the list of its tasks is empty.")
        if cuts {
            lines.append(
                "Most texts are one part. Give the first three words of each part exactly as they stand in the text.")
            lines.append("Answer with JSON of this form, and with nothing else:")
            lines.append(#"{"parts":[{"begins":"…","routes":["…"]}]}"#)
        } else {
            lines.append(#"Answer with JSON of this form, and with nothing else: {"routes":["…"]}"#)
        }
        return lines.joined(separator: "\n")
    }

    func writeSchema(to writer: inout JSONWriter) {
        func routes(_ writer: inout JSONWriter) {
            writer.arraySchema { $0.textSchema(among: labels.map(\.name)) }
        }
        func parts(_ writer: inout JSONWriter) {
            writer.arraySchema { $0.objectSchema([("begins", { $0.textSchema() }), ("routes", routes)]) }
        }
        writer.objectSchema([cuts ? ("parts", parts) : ("routes", routes)])
    }

    /// - Returns: `nil` if the answer names a task that there is not, or does not have the form.
    func answer(in root: JSONValue, to text: String) -> ModelOutput.Answer? {
        guard cuts else { return routes(of: root).map { .label(Answer.label(of: $0)) } }
        let parts = root["parts"]?.map { part in (begins: part["begins"]?.string, routes: routes(of: part)) } ?? []
        guard (1...Self.mostParts).contains(parts.count),
            !parts.contains(where: { $0.begins == nil || $0.routes == nil })
        else { return nil }
        let routed = parts.map { $0.routes ?? [] }
        guard let spans = Self.spans(of: parts.dropFirst().map { $0.begins ?? "" }, in: text) else {
            // A place that is not in the text is no cut. The tasks are those of the whole text then.
            return .label(Answer.label(of: routed.flatMap(\.self)))
        }
        guard spans.count > 1 else { return .label(Answer.label(of: routed.flatMap(\.self))) }
        return .json(RoutedPart.encode(zip(spans, routed).map { RoutedPart(span: $0, routes: $1) }))
    }

    /// - Returns: `nil` if one is none of the labels.
    private func routes(of value: JSONValue) -> [Route]? {
        let known = Set(labels.map { ExactText($0.name) })
        let routes = value["routes"]?.map { name in
            name.string.flatMap { known.contains(ExactText($0)) ? Route($0) : nil }
        }
        guard let routes, !routes.contains(nil) else { return nil }
        return routes.compactMap(\.self)
    }

    /// Finds words, but not within a longer word.
    private static func start(of words: [UInt8], in bytes: [UInt8], after cursor: Int) -> Int? {
        func isInWord(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
        }
        guard let first = words.first else { return nil }
        var place = cursor + 1
        while place < bytes.count, let found = bytes[place...].firstRange(of: words)?.lowerBound {
            if !isInWord(first) || !isInWord(bytes[found - 1]) { return found }
            place = found + 1
        }
        return nil
    }

    /// Cuts a text before each of these beginnings, which stand in it in this order. Together the parts are the whole
    /// text, without the white space at their ends.
    /// - Returns: `nil` if a beginning is not found.
    private static func spans(of beginnings: [String], in text: String) -> [Item.Span]? {
        let bytes = Array(text.utf8)
        var starts = [0], cursor = 0
        for beginning in beginnings {
            let words = Array(beginning.trimmingWhitespace.utf8)
            guard let start = start(of: words, in: bytes, after: cursor) else { return nil }
            starts.append(start)
            cursor = start
        }
        let utf8 = text.utf8
        var spans: [Item.Span] = [], offset = 0
        for (start, end) in zip(starts, starts.dropFirst() + [bytes.count]) {
            let part = text[utf8.index(utf8.startIndex, offsetBy: start)..<utf8.index(utf8.startIndex, offsetBy: end)]
            let scalars = part.unicodeScalars
            let leading = scalars.prefix { $0.properties.isWhitespace }.count
            let trailing = scalars.reversed().prefix { $0.properties.isWhitespace }.count
            guard leading < scalars.count else { return nil }
            spans.append(Item.Span(offset + leading, offset + scalars.count - trailing))
            offset += scalars.count
        }
        return spans
    }
}
