import Foundation
import Testing

@Suite struct SettingsPageTests {
    private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func `the page of settings has every variable that a program reads, with its default, and no other`() throws {
        let file = root.appending(path: "infra/docs/settings.md")
        let page = SettingsPage(try String(contentsOf: file, encoding: .utf8))
        let sources = try SourceFile.all(in: "Shared", of: root) + SourceFile.all(in: "Services", of: root)
        #expect(page.violations(in: sources) == [])
    }

    @Test(arguments: [
        "reader.string(\"WINNOW_A\", default: \"b\")",
        "try reader.integer(\n    \"WINNOW_A\", default: 1_000, in: 1...2)",
        "reader.secret(\"SECRET\")", "getenv(\"OTHER\")", "for name in [\"PGHOST\"] { reader.optional(name) }",
    ])
    func `a variable that is not listed is found`(code: String) {
        #expect(!violations(page: "", code).isEmpty)
    }

    @Test func `a variable that nothing reads is found`() {
        #expect(violations(page: "| `WINNOW_A` | none | services | x |", "let a = 1") == ["WINNOW_A: nothing reads it"])
    }

    @Test(arguments: ["`2`", "none", "``"])
    func `another default is found`(shown: String) {
        let found = violations(
            page: "| `WINNOW_A` | \(shown) | services | x |", "reader.integer(\"WINNOW_A\", default: 1_000)")
        #expect(found.count == 1)
    }

    @Test func `equal defaults, secrets with their files, and rows of scripts are not reported`() {
        let page = """
            | `WINNOW_A` | `1000` | services | x |
            | `WINNOW_B` | the name of the program | services | x |
            | `KAFKA_CONF_<NAME>` | none | services | x |
            | `PASSWORD` | none | services | x |
            | `PASSWORD_FILE` | none | services | x |
            | `WINNOW_SCRIPT` | none | x |
            """
        let code = """
            reader.integer("WINNOW_A", default: 1_000, in: 1...2)
            reader.string("WINNOW_B", default: name)
            reader.group("KAFKA_CONF_")
            reader.secret("PASSWORD")
            """
        #expect(violations(page: page, code) == [])
    }

    private func violations(page: String, _ code: String) -> [String] {
        SettingsPage(page).violations(in: [SourceFile(path: "Shared/Runtime/A.swift", text: code)])
    }
}
