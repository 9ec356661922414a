import Contracts
import JSON
import Models

/// Reads the answers out of the text of a reply. It accepts exactly what was asked for.
struct AnswerReader {
    /// The answer for one input.
    struct Item: Equatable, Sendable {
        let answer: ModelOutput.Answer
        /// The probability of a label among the labels.
        var measured: Double?
        /// What the model says of itself.
        var selfReported: Double?
    }

    private let form: ChatForm
    private let content: ChatReply.Content
    private let labels: [String]

    private init(_ content: ChatReply.Content, _ form: ChatForm) {
        self.form = form
        self.content = content
        if case .labels(let labels) = form.kind { self.labels = labels.map(\.name) } else { labels = [] }
    }

    /// - Parameter text: the first input, for an answer that cuts it.
    /// - Returns: an answer an input; `nil` for a label that is none of the allowed ones.
    /// - Throws: `ReplyFault`
    static func items(
        of content: ChatReply.Content, _ form: ChatForm, to text: String
    ) throws(ReplyFault) -> [Item?] {
        let reader = AnswerReader(content, form)
        if let count = form.batch { return try reader.batch(of: count) }
        switch form.kind {
        case .labels: return [try reader.label()]
        case .text: return [Item(answer: .text(content.text))]
        case .json: return [try reader.value()]
        case .routing(let labels, let cuts):
            return [try reader.routing(RoutingForm(labels: labels, cuts: cuts), to: text)]
        }
    }

    /// The text without the fence that models like to put around JSON. Only a model that nothing enforces does so.
    private var json: Substring {
        let text = content.text.trimmingWhitespace[...]
        guard !form.isEnforced, text.hasPrefix("```"), text.hasSuffix("```"), text.utf8.count > 6,
            let line = text.firstIndex(where: \.isNewline)
        else { return text }
        return text[text.index(after: line)...].dropLast(3)
    }

    private func value() throws(ReplyFault) -> Item {
        let text = json.trimmingWhitespace
        // A truncated answer is marked. Its reader knows that it is not whole.
        if !content.isTruncated { _ = try parsed(text[...]) { _ in true } }
        return Item(answer: .json(text))
    }

    private func routing(_ form: RoutingForm, to text: String) throws(ReplyFault) -> Item? {
        guard !content.isTruncated else {
            throw ReplyFault(code: .truncated, message: "the answer ends before its last route does")
        }
        return try parsed(json) { root in form.answer(in: root, to: text).map { Item(answer: $0) } }
    }

    private func label() throws(ReplyFault) -> Item? {
        if form.isJSON || json.hasPrefix("{") {
            let found = try? parsed(json) { root in (root["label"]?.string, Self.confidence(root)) }
            if let found { return item(found.0, confidence: found.1, from: 0) }
        }
        guard !content.isTruncated else {
            throw ReplyFault(code: .truncated, message: "the answer ends before its label does")
        }
        // Some servers ignore the schema. A label alone is as clear.
        return plainLabel()
    }

    /// Accepts a label alone, in quotation marks, or with a full stop.
    private func plainLabel() -> Item? {
        var text = content.text.trimmingWhitespace[...]
        if index(of: text) == nil, text.hasSuffix(".") { text.removeLast() }
        for mark in ["\"", "'", "`", "**"] where index(of: text) == nil && text.count > 2 * mark.count {
            if text.hasPrefix(mark), text.hasSuffix(mark) { text = text.dropFirst(mark.count).dropLast(mark.count) }
        }
        guard let index = index(of: text) else { return nil }
        return Item(answer: .label(labels[index]), measured: plainProbability(of: index))
    }

    private func plainProbability(of index: Int) -> Double? {
        let texts = labels.map { Array($0.utf8) }
        // Nothing tells whether a label goes on, so a longer one would have to be excluded.
        let isPrefix = texts.enumerated().contains { $0.offset != index && $0.element.starts(with: texts[index]) }
        guard let tokens = content.tokens, !isPrefix,
            let start = tokens.flatMap(\.bytes).firstRange(of: texts[index])?.lowerBound
        else { return nil }
        return LabelProbability.confidence(of: index, at: start, among: texts, tokens: tokens)
    }

    private func batch(of count: Int) throws(ReplyFault) -> [Item?] {
        let incomplete = ReplyFault(code: .incompleteBatch, message: "the answers do not match the items")
        guard !content.isTruncated else { throw incomplete }
        typealias Entry = (index: Int, value: String, confidence: Double?)
        let entries: [Entry]? = try parsed(json) { root in
            try root["answers"]?.map { answer -> Entry in
                guard let index = answer["index"]?.integer, let value = answer[form.member]?.string else {
                    throw incomplete
                }
                return (index, value, Self.confidence(answer))
            }
        }
        guard let entries, entries.map(\.index).sorted() == Array(1...count) else { throw incomplete }
        var items = [Item?](repeating: nil, count: count), position = 0
        for entry in entries {
            guard !labels.isEmpty else {
                items[entry.index - 1] = Item(answer: .text(entry.value), selfReported: entry.confidence)
                continue
            }
            items[entry.index - 1] = item(entry.value, confidence: entry.confidence, from: position)
            position = valueStart(after: position) ?? position
        }
        return items
    }

    /// - Parameter position: where the search for the label in the written text begins, in bytes.
    private func item(_ label: String?, confidence: Double?, from position: Int) -> Item? {
        guard let label, let index = index(of: label[...]) else { return nil }
        return Item(
            answer: .label(labels[index]), measured: probability(of: index, from: position), selfReported: confidence)
    }

    private func probability(of index: Int, from position: Int) -> Double? {
        guard let tokens = content.tokens, let start = valueStart(after: position) else { return nil }
        let texts = labels.map { label in
            var writer = JSONWriter()
            writer.string(label)
            // Its closing quotation mark is kept: it tells a label from a longer one.
            return Array(writer.bytes.dropFirst())
        }
        return LabelProbability.confidence(of: index, at: start, among: texts, tokens: tokens)
    }

    /// Where the value of the next member `label` begins in the text of the tokens, after its quotation mark.
    private func valueStart(after position: Int) -> Int? {
        let bytes = content.tokens?.flatMap(\.bytes) ?? []
        let blanks = Set(" \t\r\n".utf8)
        var search = bytes[min(position, bytes.count)...]
        while let name = search.firstRange(of: Array("\"label\"".utf8)) {
            search = bytes[name.upperBound...]
            let colon = search.drop(while: blanks.contains)
            guard colon.first == UInt8(ascii: ":") else { continue }
            let quote = colon.dropFirst().drop(while: blanks.contains)
            return quote.first == UInt8(ascii: "\"") ? quote.startIndex + 1 : nil
        }
        return nil
    }

    /// Labels are compared by their bytes.
    private func index(of text: Substring) -> Int? { labels.firstIndex { $0.utf8.elementsEqual(text.utf8) } }

    private static func confidence(_ answer: JSONValue) -> Double? {
        answer["confidence"]?.double.flatMap { (0...1).contains($0) ? $0 : nil }
    }

    private func parsed<Result>(_ text: Substring, _ body: (JSONValue) throws -> Result) throws(ReplyFault) -> Result {
        do {
            return try JSONDocument.read(text.utf8, body)
        } catch let fault as ReplyFault {
            throw fault
        } catch {
            throw ReplyFault(code: .notJSON, message: "the answer is not valid JSON")
        }
    }
}
