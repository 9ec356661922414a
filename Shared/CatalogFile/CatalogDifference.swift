import Contracts

/// What changes from one catalog to another, for people to read before they apply it.
public struct CatalogDifference: Sendable, Equatable {
    public struct Change: Sendable, Equatable {
        public enum Kind: String, Sendable { case added, removed, changed }

        public let kind: Kind
        /// The capability, `capability/task`, or `endpoint:NAME`.
        public let subject: String
        /// What changed, in words; empty unless `kind` is `changed`.
        public let details: [String]
    }

    /// Ordered by capability. The change of a capability comes before those of its tasks. Endpoints come last.
    public let changes: [Change]

    public var isEmpty: Bool { changes.isEmpty }

    public init(from old: Catalog, to new: Catalog) {
        let names = Set((old.capabilities + new.capabilities).map(\.name.rawValue)).sorted()
        changes =
            names.flatMap { name in
                let capability = Capability(rawValue: name)
                return Self.changes(from: old[capability], to: new[capability])
            } + Self.changes(from: old.decomposition, to: new.decomposition)
            + Self.changes(from: old.endpoints, to: new.endpoints)
    }

    private static func changes(
        from old: DecompositionDescription, to new: DecompositionDescription
    ) -> [Change] {
        var details = Details()
        details.compareWords("full model", old.full, new.full)
        details.compareWords(
            "bound of cuts", old.splitBelow.map { "\($0)" }, new.splitBelow.map { "\($0)" })
        guard !details.lines.isEmpty else { return [] }
        return [Change(kind: .changed, subject: Capability.decomposition.rawValue, details: details.lines)]
    }

    private static func changes(from old: [EndpointDescription], to new: [EndpointDescription]) -> [Change] {
        Set((old + new).map(\.name)).sorted().compactMap { name in
            let before = old.first { $0.name == name }, after = new.first { $0.name == name }
            guard before != after else { return nil }
            let kind: Change.Kind = before == nil ? .added : after == nil ? .removed : .changed
            // A file may hold addresses and headers, so it is not quoted.
            let details =
                before?.version == after?.version
                ? ["settings that change no answer"] : ["another version of the model"]
            return Change(
                kind: kind, subject: TaskModels.endpointPrefix + name, details: kind == .changed ? details : [])
        }
    }

    private static func changes(from old: CapabilityDescription?, to new: CapabilityDescription?) -> [Change] {
        guard let name = (new ?? old)?.name else { return [] }
        func change(_ kind: Change.Kind, _ task: String? = nil, _ details: [String] = []) -> Change {
            Change(kind: kind, subject: task.map { "\(name)/\($0)" } ?? name.rawValue, details: details)
        }
        guard let old else { return [change(.added)] + (new?.tasks ?? []).map { change(.added, $0.name) } }
        guard let new else { return [change(.removed)] + old.tasks.map { change(.removed, $0.name) } }
        var own = Details()
        own.compare("title", old.title, new.title)
        own.compare("description", old.description, new.description)
        own.compareList("languages", old.languages, new.languages)
        own.compareList("languages of the full models", old.fullLanguages, new.fullLanguages)
        let names = old.tasks.map(\.name).filter { name in new.tasks.contains { $0.name == name } }
        if names != new.tasks.map(\.name).filter(names.contains) { own.lines.append("another order of tasks") }
        var changes = own.lines.isEmpty ? [] : [change(.changed, nil, own.lines)]
        for task in old.tasks {
            guard let successor = new.tasks.first(where: { $0.name == task.name }) else {
                changes.append(change(.removed, task.name))
                continue
            }
            let details = Details(from: task, to: successor).lines
            if !details.isEmpty { changes.append(change(.changed, task.name, details)) }
        }
        let known = Set(old.tasks.map(\.name))
        return changes + new.tasks.filter { !known.contains($0.name) }.map { change(.added, $0.name) }
    }
}

/// Collects what differs. Long texts are named and not quoted.
private struct Details {
    var lines: [String] = []

    init() {}

    init(from old: TaskDescription, to new: TaskDescription) {
        compare("title", old.title, new.title)
        compare("description", old.description, new.description)
        compareWords("unit", old.unit.rawValue, new.unit.rawValue)
        compareOutput(old.output, new.output)
        compareWords("comparator", old.comparator.rawValue, new.comparator.rawValue)
        compareWords("small model", old.models.small, new.models.small)
        compareWords("middle model", old.models.middle, new.models.middle)
        compareWords("full model", old.models.full, new.models.full)
        compareWords("judge", old.models.judge, new.models.judge)
        compareWords("long texts", old.windowRule.words, new.windowRule.words)
        compareWords(
            "routed by any window", old.isRoutedByAnyWindow ? "yes" : "no", new.isRoutedByAnyWindow ? "yes" : "no")
        compareRouting(old.routing, new.routing)
        compareWords("pool", old.pool, new.pool)
        compareWords("most tokens", "\(old.limits.maxTokens)", "\(new.limits.maxTokens)")
        compareWords("temperature", "\(old.limits.temperature)", "\(new.limits.temperature)")
        if old.limits.stop != new.limits.stop { lines.append("other stop texts") }
    }

    mutating func compare(_ name: String, _ old: String, _ new: String) {
        if ExactText(old) != ExactText(new) { lines.append("another \(name)") }
    }

    mutating func compareWords(_ name: String, _ old: String?, _ new: String?) {
        if old != new { lines.append("\(name): \(old ?? "none") → \(new ?? "none")") }
    }

    mutating func compareList(_ name: String, _ old: [String], _ new: [String]) {
        compareWords(
            name, old.isEmpty ? nil : old.joined(separator: ", "), new.isEmpty ? nil : new.joined(separator: ", "))
    }

    /// The examples are named and not quoted: they are texts of people.
    private mutating func compareRouting(_ old: TaskRouting?, _ new: TaskRouting?) {
        compareWords("examples for routing", old.map { "\($0.examples.count)" }, new.map { "\($0.examples.count)" })
        if let old, let new, old.examples.count == new.examples.count,
            old.examples.map({ ExactText($0) }) != new.examples.map({ ExactText($0) })
        {
            lines.append("other examples for routing")
        }
        let before = old?.head, after = new?.head
        guard before != after else { return }
        let routers = [before, after].map { $0.map { "of router \($0.router)" } ?? "none" }
        lines.append(
            before?.router == after?.router ? "another route head" : "route head: \(routers.joined(separator: " → "))")
    }

    private mutating func compareOutput(_ old: TaskDescription.Output, _ new: TaskDescription.Output) {
        compareWords("output", old.kind.rawValue, new.kind.rawValue)
        switch (old, new) {
        case (.label(let old), .label(let new)): compareLabels(old, new)
        case (.json(let old), .json(let new)): compare("schema of answers", old, new)
        default: break
        }
    }

    private mutating func compareLabels(_ old: [LabelDescription], _ new: [LabelDescription]) {
        func byName(_ labels: [LabelDescription]) -> [ExactText: String] {
            Dictionary(labels.map { (ExactText($0.name), $0.description) }) { first, _ in first }
        }
        let before = byName(old), after = byName(new)
        let added = new.filter { before[ExactText($0.name)] == nil }.map(\.name)
        let removed = old.filter { after[ExactText($0.name)] == nil }.map(\.name)
        let described = new.filter { label in
            before[ExactText(label.name)].map { ExactText($0) != ExactText(label.description) } ?? false
        }
        if !added.isEmpty { lines.append("labels added: \(added.joined(separator: ", "))") }
        if !removed.isEmpty { lines.append("labels removed: \(removed.joined(separator: ", "))") }
        let kept = old.filter { after[ExactText($0.name)] != nil }.map { ExactText($0.name) }
        if kept != new.filter({ before[ExactText($0.name)] != nil }).map({ ExactText($0.name) }) {
            lines.append("another order of labels")
        }
        if !described.isEmpty {
            lines.append("another description of labels: \(described.map(\.name).joined(separator: ", "))")
        }
    }
}

extension WindowRule {
    /// For people.
    public var words: String {
        switch self {
        case .anyFinding(let clean): "any finding, clean is \(clean)"
        case .mean: "mean"
        case .beginning: "beginning"
        case .beginningAnd: "beginning and findings"
        }
    }
}
