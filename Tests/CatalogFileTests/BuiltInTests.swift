import CatalogFile
import Contracts
import Inference
import TestKit
import Testing

@Suite struct BuiltInTests {
    private let catalog: Catalog

    init() throws { catalog = try CatalogFile.read(folder: "\(Tree.root)/infra/capabilities") }

    @Test func `the built-in capabilities are these`() {
        #expect(
            catalog.routes.map(\.description) == [
                "legal-services/clause-type", "legal-services/unfair-term", "security-services/payload",
                "security-services/prompt-attack", "semantic-understanding/intent", "software-development/issue-type",
            ])
    }

    @Test func `a built-in task has the labels of its models' cards, in their order, with the gate's label last`()
        throws
    {
        for route in catalog.routes {
            let task = try #require(catalog[route])
            guard case .label(let labels) = task.output else {
                Issue.record("\(route) has no labels")
                continue
            }
            for model in [try #require(task.models.small), task.models.full] {
                let head = try #require(try ModelCard.load(directory: Tree.model(model)).head(route))
                var names = head.labels
                if case .singleLabel(let gate?) = head.kind { names.append(gate.label) }
                #expect(labels.map(\.name) == names)
            }
        }
    }

    @Test func `every head of a built-in model is a task of the catalog`() throws {
        let models = Set(catalog.capabilities.flatMap(\.tasks).compactMap(\.models.small) + ["full"])
        for model in models.sorted() {
            let routes = try ModelCard.load(directory: Tree.model(model)).heads.map(\.route)
            #expect(Set(routes).subtracting([.decomposition]).subtracting(catalog.routes) == [])
        }
    }

    @Test func `the findings of long texts, and the routes that any window shows, are these`() {
        let rules = catalog.routes.map { catalog.windowRule(of: $0) }
        #expect(
            rules == [
                .mean, .anyFinding(clean: "fair"), .anyFinding(clean: "benign"), .anyFinding(clean: "benign"), .mean,
                .beginning,
            ])
        #expect(
            catalog.windowRule(of: .decomposition)
                == .beginningAnd(findings: ["security-services/payload", "security-services/prompt-attack"]))
    }

    @Test func `near labels count as equal, as the committed certificates say`() {
        #expect(catalog.capabilities.flatMap(\.tasks).allSatisfy { $0.comparator == .tieShare })
    }

    @Test func `each label is described by a sentence, which no other label of its task has`() {
        for task in catalog.capabilities.flatMap(\.tasks) {
            guard case .label(let labels) = task.output else { continue }
            #expect(labels.filter { !$0.description.hasSuffix(".") || $0.description.count < 10 } == [])
            #expect(Set(labels.map(\.description)).count == labels.count)
        }
    }

    @Test func `the catalog as one document is read as the same`() throws {
        let bytes = CatalogFile.write(catalog)
        #expect(try CatalogFile.read(catalog: bytes, file: "catalog") == catalog)
        #expect(bytes.count > 10_000)
    }
}
