import CatalogFile
import Contracts
import Foundation
import JSON
import Testing

@testable import CLI

/// `winnow catalog refit`, and what `validate` says about route heads.
@Suite final class RouteHeadVerbTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The capability of the whole suite's stranger, with another content of its head or its routing.
    private func file(_ edit: (inout CapabilityDescription) -> Void = { _ in }) throws -> String {
        var capability = try CatalogFile.read(
            file: "Tests/EndToEndTests/Fixtures/customer-support/capabilities/customer-support/capability.json")
        capability.tasks[0].models = TaskModels(full: "endpoint:example")
        edit(&capability)
        let place = folder.url.appending(path: "capability.json")
        try Data(CatalogFile.writeReadable(capability, schema: "schema.json")).write(to: place)
        return place.path
    }

    @Test(arguments: [
        ("none", ""), ("router", "is of another router than that in infra/models/router; run “winnow catalog refit”"),
        ("weights", "has 191 weights, which does not fit the router's state"),
        ("route", "is not needed, because the router's own head knows the task"),
    ])
    func `a head that the router cannot use is refused`(change: String, message: String) async throws {
        let file = try file { capability in
            switch change {
            case "router": capability.tasks[0].routing?.head?.router = "0123456789abcdef"
            case "weights": capability.tasks[0].routing?.head?.weights.removeLast()
            case "route":
                capability.name = Capability(rawValue: "semantic-understanding")
                capability.tasks[0].name = "intent"
            default: break
            }
        }
        let result = try await Command.winnow(["catalog", "validate", file, "--json"])
        let faults = try JSONDocument.read(Array(result.output.utf8)) { root in
            root.map { [$0["place"]?.string, $0["fault"]?.string] }
        }
        #expect(faults == (message.isEmpty ? [] : [["tasks[0].routing.head", message]]))
        #expect(result.status == (message.isEmpty ? 0 : 1))
    }

    @Test func `a head is made anew from the examples in the file, for the router that is there`() async throws {
        let file = try file { $0.tasks[0].routing?.head?.router = "0123456789abcdef" }
        let before = try #require(try CatalogFile.read(file: file).tasks[0].routing)
        let result = try await Command.winnow(["catalog", "refit", file, "--json"])
        #expect(result.status == 0, "\(result.errors)")
        let after = try #require(try CatalogFile.read(file: file).tasks[0].routing)
        #expect(after.examples == before.examples && after.head?.examples == before.examples.count)
        #expect(after.head?.router != before.head?.router)
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains(#""$schema": "schema.json""#))
        try JSONDocument.read(Array(result.output.utf8)) { root in
            let row = root.map { ($0["examples"]?.integer, $0["others"]?.integer, $0["false_accepts"]?.integer) }?.first
            #expect(row?.0 == before.examples.count && (row?.1 ?? 0) > 3000)
            // At least 95 of 100 that it accepts are its own.
            #expect((row?.2 ?? .max) <= before.examples.count / 19)
        }
        #expect(try await Command.winnow(["catalog", "validate", file]).status == 0)
    }

    @Test func `examples are chosen from labelled texts, each label in turn`() throws {
        let lines =
            (0..<300).map { #"{"text": "  a \#($0)\n b", "label": "common"}"# }
            + (0..<5).map { #"{"text": "rare \#($0)", "label": "rare"}"# } + [#"{"text": "x", "label": "foreign"}"#]
        let file = try TemporaryFile((lines + lines).joined(separator: "\n"))
        let chosen = try RoutingExamples.choose(from: file.path, labels: [ExactText("common"), ExactText("rare")])
        #expect(chosen.count == 200 && Set(chosen).count == 200)
        #expect(chosen.count { $0.hasPrefix("rare") } == 5 && !chosen.contains("x"))
        #expect(chosen.allSatisfy { !$0.contains("\n") && !$0.hasPrefix(" ") })
        #expect(try RoutingExamples.choose(from: file.path, labels: [ExactText("rare")]).count == 5)
        let wrong = try TemporaryFile("{\"label\": \"secret\"}")
        let error = #expect(throws: RoutingExamplesError.self) {
            try RoutingExamples.choose(from: wrong.path, labels: nil)
        }
        #expect(error?.description.hasSuffix("line 1: no “text”") == true)
    }

    @Test(arguments: [["--task", "a/b"], ["--data", "x"], ["--task", "a", "--data", "x"]])
    func `a task and its texts are named together`(options: [String]) async throws {
        #expect(try await Command.winnow(["catalog", "refit", "x"] + options).status == 2)
    }
}
