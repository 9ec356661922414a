import CatalogFile
import Contracts
import Foundation
import TestKit
import Testing

/// `infra/docs/your-own-model.md` describes the file of an endpoint. `make docs-check` runs its commands.
@Suite struct ModelPageTests {
    private let page: String

    init() throws {
        page = try String(contentsOfFile: "\(Tree.root)/infra/docs/your-own-model.md", encoding: .utf8)
    }

    @Test func `the table lists every member of the schema with its default, and no other`() throws {
        let schema = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(filePath: "\(Tree.root)/infra/endpoints/schema.json")))
        let members = try Self.members(of: #require(schema as? [String: Any]))
        #expect(members.count > 35)
        let rows = try self.rows()
        #expect(Set(rows.keys).symmetricDifference(members.keys).sorted() == [])
        for (name, fallback) in members {
            let cell = rows[name] ?? ""
            if let fallback {
                #expect(cell == "`\(fallback)`", "\(name)")
            } else {
                #expect(["none", "required", "as below", "as `input`"].contains(cell), "\(name): \(cell)")
            }
        }
        for name in ["baseURL", "model", "prices.from", "prices.input", "prices.output"] {
            #expect(rows[name] == "required", "\(name)")
        }
    }

    @Test func `the capability of the page is valid, and its only model is the endpoint of the page`() throws {
        let start = try #require(page.firstRange(of: "my-feedback/capability.json <<'END'\n"))
        let end = try #require(page[start.upperBound...].firstRange(of: "\nEND\n"))
        let capability = try CatalogFile.read(
            bytes: Array(page[start.upperBound..<end.lowerBound].utf8), file: "page")
        #expect(capability.tasks.map(\.models.full) == Array(repeating: "endpoint:my-model", count: 3))
        #expect(page.contains("infra/endpoints/my-model.json"))
    }

    /// The default of each member in the table.
    private func rows() throws -> [String: String] {
        let start = try #require(page.firstRange(of: "## Every member of the file"))
        let end = try #require(page[start.upperBound...].firstRange(of: "\n## "))
        var rows: [String: String] = [:]
        for line in page[start.upperBound..<end.lowerBound].split(separator: "\n") {
            guard let row = line.wholeMatch(of: /\| `([^`]+)` \| (.+?) \| .+ \|/) else { continue }
            rows[String(row.1)] = String(row.2)
        }
        return rows
    }

    /// Every member, those of objects by their path, with its default as the page writes it.
    private static func members(of schema: [String: Any], in path: String = "") -> [String: String?] {
        var found: [String: String?] = [:]
        for case let (name, member as [String: Any]) in schema["properties"] as? [String: Any] ?? [:] {
            let fallback = member["default"].map { value in
                if let text = value as? String { return text.replacing("\n", with: "\\n") }
                return member["type"] as? String == "boolean" ? "\(value as? Bool ?? false)" : "\(value)"
            }
            found.updateValue(fallback, forKey: path + name)
            let inner = member["items"] as? [String: Any] ?? member
            found.merge(members(of: inner, in: "\(path)\(name).")) { $1 }
        }
        return found
    }
}
