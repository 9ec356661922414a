import JSON
import Models

/// What the answer to a prompt must look like: what the model is told, what the server enforces, and what is read.
struct ChatForm: Sendable {
    let kind: Question.Kind
    /// `nil` if the call is about a single input. Otherwise each answer has the number of its input, from 1.
    let batch: Int?
    /// Whether the server can enforce a JSON Schema. Otherwise the model is only asked to keep to the form.
    let isEnforced: Bool
    let asksConfidence: Bool

    var isJSON: Bool {
        switch kind {
        case .labels: isEnforced || batch != nil
        case .text: batch != nil
        case .json, .routing: true
        }
    }

    /// The name of an answer's own member.
    var member: StaticString {
        if case .labels = kind { "label" } else { "text" }
    }

    var instruction: String {
        var lines: [String] = []
        switch kind {
        case .labels(let labels):
            lines.append(isJSON ? "The labels are:" : "Answer with exactly one of these labels, and with nothing else:")
            lines += labels.map { $0.description.isEmpty ? "- \($0.name)" : "- \($0.name): \($0.description)" }
        case .routing(let labels, let cuts): lines.append(RoutingForm(labels: labels, cuts: cuts).instruction)
        case .text: break
        case .json(let schema): lines += ["Answer with JSON that is valid for this JSON Schema:", schema]
        }
        if isJSON, let shape {
            if batch != nil {
                lines.append("The input is a JSON array of items. Answer each item separately, exactly once.")
            }
            lines.append("Answer with JSON of this form, and with nothing else: \(shape)")
        }
        return lines.joined(separator: "\n")
    }

    /// An example of the answer; `nil` if the question says itself what it must look like.
    private var shape: String? {
        switch kind {
        case .json, .routing: return nil
        case .labels, .text: break
        }
        let confidence = asksConfidence ? #","confidence":0.0"# : ""
        return batch == nil
            ? #"{"\#(member)":"…"\#(confidence)}"#
            : #"{"answers":[{"index":1,"\#(member)":"…"\#(confidence)}]}"#
    }

    /// The whole user message before the template: a text, or the items as JSON.
    func input(_ texts: [String]) -> String {
        guard batch != nil else { return texts.first ?? "" }
        var writer = JSONWriter()
        writer.array(texts.enumerated()) { list, item in
            list.object { object in
                object.member("index", item.offset + 1)
                object.member("text", item.element)
            }
        }
        return writer.text
    }

    /// Writes the value of `response_format`, if the server is to enforce the form.
    func writeFormat(to writer: inout JSONWriter) {
        writer.object { format in
            format.member("type", "json_schema")
            format.name("json_schema")
            format.object { schema in
                schema.member("name", "answer")
                // Strict schemas must forbid further members, which the schema of a caller need not do.
                if case .json(let text) = kind {
                    schema.name("schema")
                    schema.raw(text)
                    return
                }
                schema.member("strict", true)
                schema.name("schema")
                if case .routing(let labels, let cuts) = kind {
                    RoutingForm(labels: labels, cuts: cuts).writeSchema(to: &schema)
                } else {
                    writeSchema(to: &schema)
                }
            }
        }
    }

    private func writeSchema(to writer: inout JSONWriter) {
        guard batch != nil else { return writeAnswer(to: &writer) }
        writer.object { root in
            root.member("type", "object")
            root.name("properties")
            root.object { properties in
                properties.name("answers")
                properties.object { list in
                    list.member("type", "array")
                    list.name("items")
                    writeAnswer(to: &list)
                }
            }
            Self.close(&root, required: ["answers"])
        }
    }

    private func writeAnswer(to writer: inout JSONWriter) {
        var required: [String] = []
        writer.object { root in
            root.member("type", "object")
            root.name("properties")
            root.object { properties in
                func property(_ name: String, _ type: String) {
                    required.append(name)
                    properties.name(name)
                    properties.object { property in
                        property.member("type", type)
                        guard name == "label", case .labels(let labels) = kind else { return }
                        property.name("enum")
                        property.array(labels) { $0.string($1.name) }
                    }
                }
                if batch != nil { property("index", "integer") }
                property(member.description, "string")
                if asksConfidence { property("confidence", "number") }
            }
            Self.close(&root, required: required)
        }
    }

    private static func close(_ writer: inout JSONWriter, required: [String]) {
        writer.name("required")
        writer.array(required) { $0.string($1) }
        writer.member("additionalProperties", false)
    }
}
