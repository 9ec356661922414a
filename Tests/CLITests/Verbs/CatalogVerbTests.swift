import BuiltInCatalog
import CatalogFile
import Contracts
import Foundation
import JSON
import Store
import Testing

@testable import CLI

/// `winnow catalog` on the built-in capabilities and on copies of them.
@Suite final class CatalogVerbTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `the built-in catalog has no faults`() async throws {
        let result = try await Command.winnow(["catalog", "validate"])
        #expect(result.output == "No faults. Capabilities: 4, tasks: 6.\n")
        #expect(result.status == 0)
        let json = try await Command.winnow(["catalog", "validate", "infra/capabilities", "--json"])
        #expect(json.output == "[]\n")
        #expect(json.status == 0)
    }

    @Test func `one file can be validated`() async throws {
        let file = "infra/capabilities/legal-services/capability.json"
        let result = try await Command.winnow(["catalog", "validate", file])
        #expect(result.output == "No faults. Capabilities: 1, tasks: 2.\n")
    }

    @Test func `faults of files end with 1, each with file, place and code`() async throws {
        let file = try write("a", "{\"name\": \"a\", \"title\": \"A\", \"tasks\": [], \"owner\": 1}")
        let result = try await Command.winnow(["catalog", "validate", folder.url.path, "--json"])
        #expect(result.status == 1)
        let faults = try JSONDocument.read(Array(result.output.utf8)) { root in
            root.map { [$0["file"]?.string, $0["place"]?.string, $0["code"]?.string] }
        }
        #expect(
            faults == [
                [file, "", "unknown_member"], [file, "description", "missing"], [file, "tasks", "size"],
            ])
        let text = try await Command.winnow(["catalog", "validate", folder.url.path])
        #expect(text.status == 1)
        #expect(text.output.contains("has the unknown member “owner”"))
    }

    @Test(arguments: [
        (
            "\"small\": \"security-services\"", "\"small\": \"nowhere\"", "tasks[0].models.small",
            "has no card in infra/models/nowhere"
        ),
        (
            "\"small\": \"security-services\"", "\"small\": \"legal-services\"", "tasks[0].models.small",
            "has no head for this task"
        ),
        ("\"full\": \"full\"", "\"full\": \"router\"", "tasks[0].models.full", "has no head for this task"),
        (
            "\"name\": \"path_traversal\"", "\"name\": \"path\"", "tasks[0].models.small",
            "lacks 1 label of this task, and knows 1 label that the task lacks"
        ),
        (
            "{\"name\": \"benign\", \"description\": \"Contains no attack.\"},",
            "{\"name\": \"odd\", \"description\": \"Odd.\"}, {\"name\": \"benign\", \"description\": \"None.\"},",
            "tasks[0].models.full", "lacks 1 label of this task, and knows 0 labels that the task lacks"
        ),
    ])
    func `a model that does not answer what the catalog says is a fault`(
        old: String, new: String, place: String, fault: String
    ) async throws {
        try write("security-services", try builtIn("security-services").replacing(old, with: new, maxReplacements: 1))
        let found = try await faults()
        #expect(found.contains([place, fault]))
    }

    @Test func `labels in another order are a fault`() async throws {
        let text = try builtIn("software-development")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let bug = try #require(lines.firstIndex { $0.contains("\"bug\"") })
        var swapped = lines
        swapped.swapAt(bug, bug + 1)
        try write("software-development", swapped.joined(separator: "\n"))
        let fault = "has the labels of this task in another order"
        #expect(try await faults() == [["tasks[0].models.small", fault], ["tasks[0].models.full", fault]])
    }

    @Test func `a folder of a model cannot answer with text, and the file of an endpoint is read`() async throws {
        let endpoints = folder.url.appending(path: ".endpoints")
        try FileManager.default.createDirectory(at: endpoints, withIntermediateDirectories: true)
        let task = """
            {"name": "T", "title": "T", "description": "Says t.", "unit": "document", "output": {"kind": "text"},
             "comparator": "normalizedText", "models": {"full": "MODEL"}}
            """
        let tasks = [("a", "full"), ("b", "endpoint:gateway")]
            .map { task.replacing("\"T\", \"title\"", with: "\"\($0)\", \"title\"").replacing("MODEL", with: $1) }
        try write(
            "a",
            "{\"name\": \"a\", \"title\": \"A\", \"description\": \"Is a.\", \"tasks\": [\(tasks.joined(separator: ","))]}"
        )
        let fault = "is a folder of a model, which answers with labels only; name an endpoint"
        let environment = ["WINNOW_ENDPOINTS_DIRECTORY": endpoints.path]
        #expect(
            try await faults(environment) == [["tasks[0].models.full", fault], ["", "No such file or directory"]])
        let file = endpoints.appending(path: "gateway.json")
        try #"{"baseURL": "gateway", "model": "m"}"#.write(to: file, atomically: true, encoding: .utf8)
        #expect(
            try await faults(environment) == [
                ["tasks[0].models.full", fault], ["baseURL", "must be an http or https URL"],
            ])
        try #"{"baseURL": "http://127.0.0.1/v1", "model": "m"}"#.write(to: file, atomically: true, encoding: .utf8)
        #expect(try await faults(environment) == [["tasks[0].models.full", fault]])
    }

    /// Nothing reads the database before that.
    @Test(arguments: [
        ("\"tieShare\"", "\"tieShare\", \"pool\": \"canary\"", "there are no pools")
    ])
    func `what this version cannot serve is checked, and not put in force`(
        old: String, new: String, reason: String
    ) async throws {
        let text = try builtIn("software-development")
        #expect(text.contains(old))
        try write("software-development", text.replacing(old, with: new))
        let result = try await Command.winnow(["catalog", "apply", folder.url.path])
        #expect(result.status == 1)
        #expect(
            result.output.contains("cannot be served by this version: \(reason)"), "\(result.output) \(result.errors)")
    }

    @Test func `tasks are listed, and one capability with its labels`() async throws {
        let all = try await Command.winnow(["catalog", "show"])
        let lines = all.output.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(
            lines[1].split(separator: " ") == [
                "legal-services/clause-type", "clause", "25", "labels", "tieShare", "legal-services", "full", "mean",
            ])
        let one = try await Command.winnow([
            "catalog", "show", "semantic-understanding", "--catalog", "infra/capabilities",
        ])
        #expect(one.output.contains("out_of_scope"))
        #expect(one.output.contains("Asks to book a flight."))
        #expect(one.output.contains("\nIts small models were cut for en.\n"))
        #expect(!one.output.contains("clause-type"))
        let none = try await Command.winnow(["catalog", "show", "nothing"])
        #expect(none.status == 1)
        #expect(none.errors == "winnow catalog: no such capability: nothing\n")
    }

    @Test func `with --json the canonical form is shown, which is valid itself`() async throws {
        let result = try await Command.winnow(["catalog", "show", "legal-services", "--json"])
        try write("legal-services", result.output)
        #expect(try await faults() == [])
        let all = try await Command.winnow(["catalog", "show", "--json"])
        #expect(all.output.hasPrefix("{\"capabilities\":[\(result.output.dropLast())"))
    }

    @Test func `the difference of two catalogs is told`() async throws {
        try write("security-services", try builtIn("security-services"))
        let none = try await Command.winnow(["catalog", "diff", folder.url.path, folder.url.path])
        #expect(none.output == "The catalogs are equal.\n")
        let other = try TemporaryFolder()
        let text = try builtIn("security-services")
            .replacing("\"comparator\": \"tieShare\"", with: "\"comparator\": \"exact\"", maxReplacements: 1)
        try write("security-services", text, in: other)
        let result = try await Command.winnow(["catalog", "diff", folder.url.path, other.url.path, "--json"])
        #expect(
            result.output
                == """
                [{"change":"changed","what":"security-services/payload","details":"comparator: tieShare → exact"}]

                """)
        #expect(result.status == 0)
    }

    /// The place and the message of each fault in the folder.
    private func faults(_ environment: [String: String] = [:]) async throws -> [[String?]] {
        let result = try await Command.winnow(
            ["catalog", "validate", folder.url.path, "--json"], environment: environment)
        return try JSONDocument.read(Array(result.output.utf8)) { root in
            root.map { [$0["place"]?.string, $0["fault"]?.string] }
        } ?? []
    }

    private func builtIn(_ name: String) throws -> String {
        let file = Command.repository.appending(path: "infra/capabilities/\(name)/capability.json")
        return try String(contentsOf: file, encoding: .utf8)
    }

    @discardableResult
    private func write(_ name: String, _ text: String, in other: TemporaryFolder? = nil) throws -> String {
        let directory = (other ?? folder).url.appending(path: name)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appending(path: "capability.json")
        try Data(text.utf8).write(to: file)
        return file.path
    }
}

struct CatalogFindingTests {
    private static let version = CatalogVersion(
        number: 3, appliedAt: Timestamp(milliseconds: 0), fingerprint: "", body: CatalogFile.write(.builtIn))

    @Test func `a doctor says whether a catalog is in force, and whether it is that of the files`() {
        #expect(DoctorVerb.catalog(Self.version, files: .builtIn).verdict == .good)
        #expect(DoctorVerb.catalog(nil, files: .builtIn).verdict == .bad)
        #expect(DoctorVerb.catalog(Self.version, files: Catalog()).verdict == .doubtful)
        #expect(DoctorVerb.catalog(Self.version, files: nil).verdict == .doubtful)
    }
}
