import Contracts

/// What becomes of an item, by its language.
public enum LanguageVerdict: Sendable, Hashable {
    /// The models of the task answer it as usual.
    case proceed
    /// Only the full model understands its language.
    case full(language: String)
    /// Nobody was cut for its language.
    case unsupported(language: String)

    public var isUnsupported: Bool { if case .unsupported = self { true } else { false } }
}

extension Catalog {
    /// Says what becomes of items of a task. It is the only place where this is decided.
    ///
    /// Nothing is checked for a capability without languages, and for a unit that is in no language. What is too short
    /// or not recognized may be in any language, so the models answer it.
    /// - Returns: one verdict for each text.
    public func languageVerdicts(on texts: [String], of route: Route) -> [LanguageVerdict] {
        guard let task = self[route], task.unit.hasLanguage, let capability = self[route.capability],
            !capability.languages.isEmpty
        else { return texts.map { _ in .proceed } }
        return texts.map { text in
            RecognizedLanguage(of: text).map { capability.verdict(on: $0.tag) } ?? .proceed
        }
    }

    /// Says what becomes of a text that has no task yet.
    /// - Returns: `unsupported` if neither the small nor the full models of any capability understand its language.
    public func languageVerdict(onUnrouted text: String) -> LanguageVerdict {
        guard !capabilities.isEmpty, !capabilities.contains(where: \.languages.isEmpty),
            let language = RecognizedLanguage(of: text)?.tag,
            capabilities.allSatisfy({ $0.verdict(on: language).isUnsupported })
        else { return .proceed }
        return .unsupported(language: language)
    }
}

extension CapabilityDescription {
    fileprivate func verdict(on language: String) -> LanguageVerdict {
        func contains(_ tags: [String]) -> Bool {
            tags.contains { $0 == Self.anyLanguage || RecognizedLanguage.canonical($0) == language }
        }
        if contains(languages) { return .proceed }
        return contains(fullLanguages) ? .full(language: language) : .unsupported(language: language)
    }
}
