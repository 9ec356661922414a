import BuiltInCatalog
import Contracts
import Testing

@testable import Client
@testable import Evaluation

struct LabelledItemTests {
    private static let good = #"{"capability":"legal-services","task":"clause-type","text":"é \u0000","label":"x"}"#

    private func file(_ lines: String..., mayLackLabels: Bool = false) throws -> LabelledFile {
        try file(lines, mayLackLabels: mayLackLabels)
    }

    private func file(_ lines: [String], mayLackLabels: Bool = false) throws -> LabelledFile {
        try LabelledFile(
            path: "a/b/items.jsonl", sha256: "ab",
            lines: lines.enumerated().map { (number: $0.offset + 1, bytes: Array($0.element.utf8)[...]) },
            catalog: .builtIn, mayLackLabels: mayLackLabels)
    }

    @Test func `an item has its task, text and label, and the file its name`() throws {
        let file = try file(Self.good)
        #expect(file.name == "items.jsonl")
        #expect(file.items.map(\.text) == ["é \u{0}"])
        #expect(file.items.map(\.route) == [Route(.legalServices, "clause-type")])
        #expect(file.items.map(\.label) == ["x"])
    }

    @Test func `items in a language that the small models were not cut for are left out`() throws {
        let texts = [
            "Neither party may assign this agreement.", "Keine Partei darf diesen Vertrag abtreten.", "kurz und gut",
        ]
        let items = texts.map { LabelledItem(route: Route(.legalServices, "clause-type"), text: $0, label: nil) }
        #expect(items.inLanguages(of: .builtIn).map(\.text) == [texts[0], texts[2]])
        #expect(items.inLanguages(of: Catalog()).count == 3)
    }

    @Test(arguments: [
        "CANARY", "[]", #"{"capability":"CANARY","task":"clause-type","text":"a","label":"x"}"#,
        #"{"capability":"legal-services","task":"clause-type","text":"CANARY"}"#,
        #"{"capability":"legal-services","task":"clause-type","text":"CANARY","label":1}"#,
    ])
    func `a line that is wrong is named and not quoted`(line: String) throws {
        let error = #expect(throws: LabelledFileError.self) { try file(Self.good, line) }
        let message = error?.description ?? ""
        #expect(message.contains("line 2"))
        #expect(!message.contains("CANARY"))
    }

    @Test func `a label may be left out where none is needed, and is a string where it is not`() throws {
        let bare = #"{"capability":"legal-services","task":"clause-type","text":"a"}"#
        #expect(try file(bare, mayLackLabels: true).items.map(\.label) == [nil])
        let wrong = #"{"capability":"legal-services","task":"clause-type","text":"a","label":1}"#
        #expect(throws: LabelledFileError.self) { try file(wrong, mayLackLabels: true) }
    }

    @Test func `an evaluation's requests have no more items and bytes than a request may have`() throws {
        let lines = (0..<40).map {
            Self.good.replacing("é \\u0000", with: "\($0)" + String(repeating: "x", count: $0 * 2_000))
        }
        let items = try file(lines).items
        let chunks = EvaluationRun.chunks(of: items)
        #expect(chunks.flatMap(\.items).map(\.text) == items.map(\.text))
        #expect(chunks.allSatisfy { $0.items.count <= 8 && $0.pending.body.count <= Limits.requestBytes })
        #expect(chunks.count < 20)
    }
}
