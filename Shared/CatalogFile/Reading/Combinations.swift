import Contracts
import JSON

extension TaskDescription {
    /// Returns the members that contradict others, each with what is wrong.
    func contradictions(hasLongText: Bool, hasLimits: Bool) -> [(member: String, message: String)] {
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
        if unit == .audio, routing != nil {
            found.append(("routing", "is only for texts"))
        }
        if hasLongText, output.kind != .label {
            found.append(("longText", "is only for labels"))
        }
        if output.kind == .transcript, hasLimits {
            found.append(("limits", "is not for transcripts"))
        }
        if models.middle != nil, models.small == nil {
            found.append(("models.middle", "needs a small model"))
        }
        if (comparator == .judge) != (models.judge != nil) {
            found.append(("models.judge", "is needed by the comparator “judge”, and only for it"))
        }
        if let judge = models.judge, judge == models.small || judge == models.middle {
            found.append(("models.judge", "must not be a model whose answers it compares with the full model's"))
        }
        if let middle = models.middle, TaskModels.isEndpoint(middle) {
            found.append(("models.middle", "must be a folder of a model, since it is asked without a reservation"))
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

extension TaskDescription.Output {
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
    mutating func kind(of output: JSONValue, at path: String) -> AnswerKind? { word("kind", of: output, at: path) }

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
