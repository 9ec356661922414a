import Contracts
import JSON

extension TaskDescription.Comparator {
    /// Whether two answers say the same.
    ///
    /// `tieShare` needs the probabilities of other labels, and `judge` asks a model, so both accept only what is equal in
    /// form here.
    public func agree(_ one: Answer.Output, _ other: Answer.Output) -> Bool {
        switch (one, other) {
        case (.label(let one), .label(let other)): ExactText(one) == ExactText(other)
        case (.text(let one), .text(let other)): Self.normalized(one) == Self.normalized(other)
        case (.json(let one), .json(let other)): Self.canonical(one).map { $0 == Self.canonical(other) } ?? false
        default: false
        }
    }

    /// Folds case, drops punctuation, and makes each run of white space one space. Canonically equivalent texts are
    /// equal.
    private static func normalized(_ text: String) -> String {
        var words: [String] = [], word = ""
        for character in text.lowercased() {
            if character.isWhitespace {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else if !character.isPunctuation {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words.joined(separator: " ")
    }

    /// The order of members and white space do not count. The order of elements does.
    /// - Returns: `nil` if the text is no JSON value.
    private static func canonical(_ json: String) -> String? {
        // A wrapper, since a value alone need not be an object.
        try? JSONDocument.read(Array("[\(json)]".utf8)) { canonical($0) }
    }

    private static func canonical(_ value: JSONValue) -> String {
        switch value.kind {
        case .object:
            var members: [(name: String, value: String)] = []
            value.forEachMember { name, value in members.append((quoted(name), canonical(value))) }
            return "{" + members.sorted { $0.name < $1.name }.map { "\($0.name):\($0.value)" }.joined(separator: ",")
                + "}"
        case .array: return "[" + (value.map { canonical($0) } ?? []).joined(separator: ",") + "]"
        // 1 and 1.0 are the same number.
        case .integer, .double: return value.double.map { "\($0)" } ?? "null"
        case .string: return quoted(value.string ?? "")
        case .bool: return value.bool == true ? "true" : "false"
        case .null: return "null"
        }
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return writer.text
    }
}
