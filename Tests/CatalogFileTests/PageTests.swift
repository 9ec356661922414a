import CatalogFile
import Contracts
import Foundation
import TestKit
import Testing

/// `infra/docs/your-own-capability.md` says what a capability file may say. `make docs-check` runs its commands.
@Suite struct PageTests {
    private let page: String

    init() throws {
        page = try String(contentsOfFile: "\(Tree.root)/infra/docs/your-own-capability.md", encoding: .utf8)
    }

    @Test func `the example of the page is a valid capability`() throws {
        let start = try #require(page.firstRange(of: "<<'END'\n"))
        let end = try #require(page[start.upperBound...].firstRange(of: "\nEND\n"))
        let text = page[start.upperBound..<end.lowerBound]
        let capability = try CatalogFile.read(bytes: Array(text.utf8), file: "page")
        #expect(capability.name.rawValue == "invoices")
        #expect(capability.tasks.count == 2)
    }

    @Test func `the page names every member and every word of the schema`() throws {
        let schema = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(filePath: "\(Tree.root)/infra/capabilities/schema.json")))
        let words = Self.words(in: schema)
        #expect(words.count > 35)
        #expect(words.filter { !page.contains("`\($0)`") }.sorted() == [])
    }

    /// The names of members, and the words that a member can be, without those of the JSON Schema language itself.
    private static func words(in value: Any) -> Set<String> {
        guard let object = value as? [String: Any] else {
            return (value as? [Any] ?? []).reduce(into: []) { $0.formUnion(words(in: $1)) }
        }
        var found = Set(
            (object["enum"] as? [String] ?? []) + ((object["properties"] as? [String: Any])?.keys ?? [:].keys))
        for (_, member) in object { found.formUnion(words(in: member)) }
        return found
    }
}
