import Contracts
import JSON

extension TaskDescription {
    /// Returns the members that contradict others, each with what is wrong.
    func contradictions(hasLongText: Bool) -> [(member: String, message: String)] {
        var found: [(member: String, message: String)] = []
        if !output.comparators.contains(comparator) {
            let known = output.comparators.map(\.rawValue).joined(separator: " or ")
            found.append(("comparator", "must be \(known) for the kind “\(output.kind.rawValue)”"))
        }
        if (unit == .audio) != (output.kind == .transcript) {
            found.append(("unit", "must be “audio” for a transcript, and for nothing else"))
        }
        if unit == .audio, isRoutedByAnyWindow {
            found.append(("routedByAnyWindow", "must be false for audio, which has no windows"))
        }
        if hasLongText, output.kind != .label {
            found.append(("longText", "is only for labels"))
        }
        if models.middle != nil, models.small == nil {
            found.append(("models.middle", "needs a small model"))
        }
        let tiers = [("small", models.small), ("middle", models.middle), ("full", models.full)]
            .compactMap { tier, model in model.map { (tier, $0) } }
        for (index, (tier, model)) in tiers.enumerated() {
            guard let (other, _) = tiers[..<index].first(where: { $0.1 == model }) else { continue }
            // A speech model is small with its window cut to the audio, and full with the whole window.
            if output.kind == .transcript, tier == "full", other == "small" { continue }
            found.append(("models.\(tier)", "is the same as models.\(other)"))
        }
        return found
    }
}

enum OutputKind: String, CaseIterable { case label, text, json, transcript }

extension TaskDescription.Output {
    var kind: OutputKind {
        switch self {
        case .label: .label
        case .text: .text
        case .json: .json
        case .transcript: .transcript
        }
    }

    /// The comparators that make sense. Two good texts are rarely equal in bytes, so `exact` is only for labels.
    var comparators: [TaskDescription.Comparator] {
        switch self {
        case .label: [.exact, .tieShare]
        case .text: [.normalizedText, .judge]
        case .json: [.json, .judge]
        case .transcript: [.wordErrorRate]
        }
    }
}

enum LongTextRule: String, CaseIterable { case anyFinding, mean, beginning }

extension FileReader {
    mutating func kind(of output: JSONValue, at path: String) -> OutputKind? { word("kind", of: output, at: path) }

    mutating func rule(of longText: JSONValue, at path: String) -> LongTextRule? {
        word("rule", of: longText, at: path)
    }

    /// Reads the word that decides which other members an object may have.
    private mutating func word<Word: RawRepresentable & CaseIterable>(
        _ name: String, of value: JSONValue, at path: String
    ) -> Word? where Word.RawValue == String {
        guard value.kind == .object else {
            fault(.wrongType, path, "must be an object")
            return nil
        }
        var members: [String: JSONValue] = [:]
        value.forEachMember { members[$0] = $1 }
        return word(name, of: FileObject(members: members, path: path))
    }
}

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
