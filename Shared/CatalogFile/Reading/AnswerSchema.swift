import Contracts
import JSON

/// The JSON Schema of a task's answers.
enum AnswerSchema {
    /// Returns the schema as compact JSON text.
    ///
    /// Its members keep their order: a model that is bound to a schema writes its answer in this order.
    static func text(_ schema: JSONValue, at path: String, _ reader: inout FileReader) -> String? {
        guard schema.kind == .object else {
            reader.fault(.wrongType, path, "must be an object")
            return nil
        }
        let count = reader.faults.count
        check(schema, at: path, &reader)
        guard reader.faults.count == count else { return nil }
        var writer = JSONWriter()
        writer.value(schema)
        guard writer.bytes.count <= CatalogLimits.answerSchemaBytes else {
            reader.fault(.size, path, "has more than \(CatalogLimits.answerSchemaBytes) bytes in compact form")
            return nil
        }
        return writer.text
    }

    /// Reports what could not be written as it was read: a member that occurs twice, and a number that is too large.
    ///
    /// The path is that of the schema, because names in it are content.
    private static func check(_ value: JSONValue, at path: String, _ reader: inout FileReader) {
        switch value.kind {
        case .object:
            var names: Set<ExactText> = []
            value.forEachMember { name, member in
                if !names.insert(ExactText(name)).inserted {
                    reader.fault(.duplicate, path, "has an object with a member that occurs twice")
                }
                check(member, at: path, &reader)
            }
        case .array: _ = value.map { check($0, at: path, &reader) }
        case .integer where value.integer == nil:
            reader.fault(.value, path, "has a whole number above \(Int.max)")
        default: break
        }
    }
}
