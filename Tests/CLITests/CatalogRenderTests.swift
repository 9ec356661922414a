import Contracts
import Foundation
import KafkaBus
import Testing

@testable import CLI

/// `winnow catalog render` on the repository's files, and on another catalog.
@Suite struct CatalogRenderTests {
    private static let targets = CatalogRendering.Target.allCases

    @Test(arguments: targets)
    func `what is committed is what the catalog renders`(target: CatalogRendering.Target) async throws {
        let result = try await Command.winnow(["catalog", "render", target.rawValue])
        #expect(result.status == 0)
        #expect(result.output == (try committed(target)))
    }

    @Test(arguments: targets)
    func `another catalog changes the rendered parts and nothing else`(target: CatalogRendering.Target) throws {
        let before = try committed(target)
        let after = try rendering(["legal-services", "invoices"]).render(target, in: before)
        for name in ["legal-services", "invoices"] { #expect(Self.contains(name, after)) }
        for name in ["security-services", "semantic-understanding"] { #expect(!Self.contains(name, after)) }
        let built = ["legal-services", "security-services", "semantic-understanding", "software-development"]
        #expect(try rendering(built).render(target, in: after) == before)
    }

    @Test func `a capability has the same rights as every other`() throws {
        let text = try rendering(["legal-services", "invoices"]).render(.rights, in: committed(.rights))
        func rights(of capability: String) -> [String] {
            text.split(separator: "\n").filter { $0.hasPrefix("\(capability)-worker ") }
                .map { String($0.replacing(capability, with: "NAME")) }
        }
        #expect(rights(of: "invoices").count == 17)
        #expect(rights(of: "invoices") == rights(of: "legal-services"))
    }

    @Test func `topics that stay keep their settings, and new ones get six partitions`() throws {
        let before = try committed(.topics)
        let start = "\"winnow.steps.legal-services.v1\",\n      \"partitions\": "
        let more = before.replacing(start + "6", with: start + "24")
        #expect(more != before)
        let after = try rendering(["invoices", "legal-services"]).render(.topics, in: more)
        let topics = try TopicCatalog(json: Array(after.utf8)).entries
        func entry(_ name: String) -> TopicCatalog.Entry? { topics.first { $0.name == name } }
        #expect(entry("winnow.steps.legal-services.v1")?.partitions == 24)
        let known = try #require(entry("winnow.bulk-steps.legal-services.v1"))
        let new = try #require(entry("winnow.bulk-steps.invoices.v1"))
        #expect(new.partitions == 6)
        #expect(new.configuration == known.configuration)
        #expect(new.why == known.why.replacing("legal-services", with: "invoices"))
        #expect(topics.filter { $0.name.contains("steps.") }.count == 4)
    }

    @Test(arguments: CatalogRendering.Target.allCases)
    func `a capability without a small model has no worker`(target: CatalogRendering.Target) throws {
        let topics = try TopicCatalog(json: Array(committed(.topics).utf8))
        let catalog = Catalog([Self.capability("invoices"), Self.capability("letters", hasWorker: false)])
        let text = try CatalogRendering(catalog, topics: topics).render(target, in: committed(target))
        #expect(!Self.contains("letters", text))
    }

    @Test func `replicas follow the partitions`() throws {
        let catalog = Catalog([Self.capability("invoices")])
        let entries = [("winnow.steps.invoices.v1", 3), ("winnow.bulk-steps.invoices.v1", 12)]
            .map { TopicCatalog.Entry(name: $0.0, partitions: $0.1) }
        let text = try CatalogRendering(catalog, topics: TopicCatalog(entries: entries))
            .render(.kubernetes, in: committed(.kubernetes))
        let scaled = try #require(text.firstRange(of: "scaleTargetRef: {name: invoices-worker}"))
        #expect(text[scaled.upperBound...].contains("maxReplicaCount: 12\n"))
    }

    @Test(arguments: ["{}", "{\"topics\": []}", "{\"topics\": [{\"name\": \"a\", \"partitions\": 1}]}", "topics"])
    func `a topics file that cannot be edited is refused`(text: String) throws {
        #expect(throws: RenderingError.self) { try TopicsFile(text) }
    }

    @Test func `a topics file without a topic of steps is refused`() throws {
        let text = "{\n  \"topics\": [\n    {\n      \"name\": \"a\",\n      \"partitions\": 1\n    }\n  ]\n}\n"
        let file = try TopicsFile(text)
        #expect(file.text == text)
        #expect(throws: RenderingError.self) { try file.replacingSteps(of: [Capability(rawValue: "b")]) }
    }

    @Test(arguments: [
        ["a", "b"], ["# winnow catalog render: begin x"], ["# winnow catalog render: end x"],
        ["# winnow catalog render: end x", "# winnow catalog render: begin x"],
        [
            "# winnow catalog render: begin x", "# winnow catalog render: end x", "# winnow catalog render: begin x",
            "# winnow catalog render: end x",
        ],
    ])
    func `a file whose parts are not marked once and in order is refused`(lines: [String]) {
        #expect(throws: RenderingError.self) {
            try MarkedParts.replace(["x": ["1"]], in: lines.joined(separator: "\n"))
        }
    }

    @Test func `lines between the marks are replaced, whatever their indentation`() throws {
        let text = "a\n  # winnow catalog render: begin x\n  old\n  # winnow catalog render: end x\nb\n"
        #expect(
            try MarkedParts.replace(["x": ["  1", "  2"]], in: text)
                == "a\n  # winnow catalog render: begin x\n  1\n  2\n  # winnow catalog render: end x\nb\n")
    }

    @Test func `with --write a file is replaced, and one that cannot be rendered stays as it is`() async throws {
        let folder = try TemporaryFolder()
        let file = folder.url.appending(path: "rights.txt")
        let text = try committed(.rights)
        let cut = text.split(separator: "\n").filter { !$0.hasPrefix("legal-services-worker") }.joined(separator: "\n")
        try Data((cut + "\n").utf8).write(to: file)
        let result = try await Command.winnow(["catalog", "render", "rights", "--file", file.path, "--write"])
        #expect(result.status == 0)
        #expect(result.output == "")
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
        try Data("nothing\n".utf8).write(to: file)
        let refused = try await Command.winnow(["catalog", "render", "rights", "--file", file.path, "--write"])
        #expect(refused.status == 1)
        #expect(refused.errors.hasPrefix("winnow catalog: \(file.path): the line “# winnow catalog render: begin"))
        #expect(try String(contentsOf: file, encoding: .utf8) == "nothing\n")
    }

    private func committed(_ target: CatalogRendering.Target) throws -> String {
        try String(contentsOf: Command.repository.appending(path: target.file), encoding: .utf8)
    }

    private func rendering(_ names: [String]) throws -> CatalogRendering {
        let topics = try TopicCatalog(json: Array(committed(.topics).utf8))
        let steps = names.flatMap { name in
            Lane.allCases.map {
                TopicCatalog.Entry(name: Topic.steps(Capability(rawValue: name), $0), partitions: 6)
            }
        }
        return CatalogRendering(
            Catalog(names.map { Self.capability($0) }), topics: TopicCatalog(entries: topics.entries + steps))
    }

    private static func capability(_ name: String, hasWorker: Bool = true) -> CapabilityDescription {
        let task = TaskDescription(
            name: "t", title: "T", description: "Says t.", unit: .line, output: .text, comparator: .normalizedText,
            models: TaskModels(small: hasWorker ? name : nil, full: "endpoint:big"))
        return CapabilityDescription(
            name: Capability(rawValue: name), title: "A", description: "Is a.", tasks: [task])
    }

    /// Whether a worker or its topics are in the text, in whatever spelling the file has.
    private static func contains(_ name: String, _ text: String) -> Bool {
        let variable = name.uppercased().replacing("-", with: "_") + "_WORKER"
        return ["\(name)-worker", "steps.\(name).v1", variable].contains { text.contains($0) }
    }
}
