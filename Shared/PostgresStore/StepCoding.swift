import Contracts
import JSON
import Store

/// Items and answers as the JSON of their columns; short names, for they are written for every item.
enum StepCoding {
    static func encode(_ items: [Item]) -> JSONBytes {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.array(items) { writer, item in
            writer.object { object in
                object.member("text", item.text)
                object.optional("span", item.span) { writer, span in
                    writer.array([span.start, span.end]) { $0.integer($1) }
                }
                object.member("source", item.source)
            }
        }
        return JSONBytes(bytes: writer.bytes)
    }

    static func decodeItems(_ bytes: UnsafeRawBufferPointer) throws -> [Item] {
        try array(bytes, "items") { value in
            guard let text = value["text"]?.string else { throw StoreError.unreadable("an item") }
            let span = value["span"]?.map { $0.integer ?? 0 }
            return Item(
                text: text, span: span.flatMap { $0.count == 2 ? Item.Span($0[0], $0[1]) : nil },
                source: value["source"]?.string)
        }
    }

    /// - Returns: `nil`, a null column, where there is no answer yet.
    static func encode(_ answers: [Answer?]) -> JSONBytes? {
        guard !answers.isEmpty else { return nil }
        var writer = JSONWriter(reservingCapacity: 256)
        writer.array(answers) { writer, answer in
            guard let answer else { return writer.null() }
            writer.object { object in
                object.member("label", answer.label)
                object.name("confidence")
                object.double(answer.confidence)
                object.member("decided_by", answer.decidedBy.rawValue)
                object.member("model", answer.model)
            }
        }
        return JSONBytes(bytes: writer.bytes)
    }

    static func decodeAnswers(_ bytes: UnsafeRawBufferPointer) throws -> [Answer?] {
        try array(bytes, "answers") { value in
            guard !value.isNull else { return nil }
            guard let label = value["label"]?.string, let model = value["model"]?.string,
                let decidedBy = value["decided_by"]?.string.flatMap(Answer.DecidedBy.init)
            else { throw StoreError.unreadable("an answer") }
            // Not a number is written as null.
            return Answer(
                label: label, confidence: value["confidence"]?.double ?? .nan, decidedBy: decidedBy, model: model)
        }
    }

    private static func array<Element>(
        _ bytes: UnsafeRawBufferPointer, _ what: String, _ body: (JSONValue) throws -> Element
    ) throws -> [Element] {
        try JSONDocument.read(bytes) { root in
            guard let elements = try root.map(body) else { throw StoreError.unreadable(what) }
            return elements
        }
    }
}
