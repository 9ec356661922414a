import CatalogFile
import Contracts
import Testing

@Suite struct DifferenceTests {
    private static let task = TaskDescription(
        name: "kind", title: "Kind", description: "Says the kind.", unit: .document,
        output: .label([
            LabelDescription(name: "invoice", description: "Asks."),
            LabelDescription(name: "other", description: "Rest."),
        ]),
        comparator: .exact, models: TaskModels(small: "a", full: "full"))
    private static let capability = CapabilityDescription(
        name: Capability(rawValue: "invoices"), title: "Invoices", description: "Reads.", tasks: [task])

    private static let head = RouteHead(
        router: "0123456789abcdef", examples: 1, temperature: 1, threshold: 0.5, weights: [1], bias: 0)

    @Test func `what is routed otherwise is told, and no example is quoted`() {
        var old = Self.task
        old.routing = TaskRouting(examples: ["a"], head: Self.head)
        func change(_ body: (inout TaskRouting) -> Void) -> [String] {
            var new = old
            new.routing.map {
                var routing = $0
                body(&routing)
                new.routing = routing
            }
            return CatalogDifference(from: Self.catalog([old]), to: Self.catalog([new])).changes.first?.details ?? []
        }
        #expect(change { $0.examples = ["b"] } == ["other examples for routing"])
        #expect(change { $0.head?.bias = 1 } == ["another route head"])
        #expect(
            change { $0.head?.router = "f123456789abcdef" } == [
                "route head: of router 0123456789abcdef → of router f123456789abcdef"
            ])
    }

    @Test func `equal catalogs do not differ`() {
        #expect(CatalogDifference(from: Catalog([Self.capability]), to: Catalog([Self.capability])).isEmpty)
    }

    @Test func `an added capability is told with its tasks, and so is a removed one`() {
        let full = Catalog([Self.capability])
        #expect(lines(Catalog(), full) == ["added invoices []", "added invoices/kind []"])
        #expect(lines(full, Catalog()) == ["removed invoices []", "removed invoices/kind []"])
    }

    @Test func `added, removed and reordered tasks are told`() {
        var second = Self.task, third = Self.task
        second.name = "language"
        third.name = "currency"
        #expect(
            lines([Self.task, second], [Self.task, third]) == [
                "removed invoices/language []", "added invoices/currency []",
            ])
        #expect(lines([Self.task, second], [second, Self.task]) == ["changed invoices [\"another order of tasks\"]"])
    }

    @Test func `another title and description of a capability are told`() {
        var other = Self.capability
        other.title = "Bills"
        other.description = "Reads more."
        #expect(
            lines(Catalog([Self.capability]), Catalog([other]))
                == ["changed invoices [\"another title\", \"another description\"]"])
    }

    @Test func `other languages are told`() {
        var other = Self.capability
        other.languages = ["en", "de"]
        other.fullLanguages = ["*"]
        #expect(
            lines(Catalog([Self.capability]), Catalog([other])) == [
                "changed invoices [\"languages: none → en, de\", \"languages of the full models: none → *\"]"
            ])
    }

    @Test func `each changed member of a task is told in words`() {
        func change(_ body: (inout TaskDescription) -> Void) -> [String] {
            var task = Self.task
            body(&task)
            let difference = CatalogDifference(
                from: Catalog([Self.capability]), to: Self.catalog([task]))
            return difference.changes.first?.details ?? []
        }
        #expect(change { $0.title = "Sort" } == ["another title"])
        #expect(
            change { $0.routing = TaskRouting(examples: ["a"]) } == ["examples for routing: none → 1"])
        #expect(
            change { $0.routing = TaskRouting(examples: ["a"], head: Self.head) } == [
                "examples for routing: none → 1", "route head: none → of router 0123456789abcdef",
            ])
        #expect(change { $0.description = "Says it." } == ["another description"])
        #expect(change { $0.unit = .line } == ["unit: document → line"])
        #expect(change { $0.output = .text } == ["output: label → text"])
        #expect(change { $0.comparator = .tieShare } == ["comparator: exact → tieShare"])
        #expect(change { $0.models.small = nil } == ["small model: a → none"])
        #expect(change { $0.models.middle = "b" } == ["middle model: none → b"])
        #expect(change { $0.models.full = "endpoint:c" } == ["full model: full → endpoint:c"])
        #expect(change { $0.windowRule = .beginning } == ["long texts: mean → beginning"])
        #expect(
            change { $0.windowRule = .anyFinding(clean: "other") } == ["long texts: mean → any finding, clean is other"]
        )
        #expect(change { $0.isRoutedByAnyWindow = true } == ["routed by any window: no → yes"])
        #expect(change { $0.pool = "canary" } == ["pool: none → canary"])
    }

    @Test func `changed labels are told by name`() {
        func change(_ labels: [(String, String)]) -> [String] {
            var task = Self.task
            task.output = .label(labels.map { LabelDescription(name: $0.0, description: $0.1) })
            return CatalogDifference(from: Catalog([Self.capability]), to: Self.catalog([task])).changes
                .first?.details ?? []
        }
        #expect(
            change([("invoice", "Asks."), ("bill", "Rest.")]) == ["labels added: bill", "labels removed: other"])
        #expect(change([("other", "Rest."), ("invoice", "Asks.")]) == ["another order of labels"])
        #expect(change([("invoice", "Asks!"), ("other", "Rest.")]) == ["another description of labels: invoice"])
    }

    @Test func `another schema of answers is told`() {
        var old = Self.task, new = Self.task
        old.output = .json(schema: "{}")
        new.output = .json(schema: "{\"type\":\"object\"}")
        #expect(lines([old], [new]) == ["changed invoices/kind [\"another schema of answers\"]"])
    }

    private static func catalog(_ tasks: [TaskDescription]) -> Catalog {
        var capability = capability
        capability.tasks = tasks
        return Catalog([capability])
    }

    private func lines(_ old: [TaskDescription], _ new: [TaskDescription]) -> [String] {
        lines(Self.catalog(old), Self.catalog(new))
    }

    private func lines(_ old: Catalog, _ new: Catalog) -> [String] {
        CatalogDifference(from: old, to: new).changes.map { "\($0.kind.rawValue) \($0.subject) \($0.details)" }
    }
}
