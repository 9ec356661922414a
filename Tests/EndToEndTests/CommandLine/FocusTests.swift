import Foundation
import Testing

extension `Whole suite` {
    @Test
    func `costs are exported in FOCUS 1.2, as a validator says, which notices a column that is missing`() async throws {
        let suite = try await Suite.shared()
        let python = try #require(
            ProcessInfo.processInfo.environment["WINNOW_FOCUS_PYTHON"], "infra/dev/test.sh names the validator's Python"
        )
        let tenant = "focus, \"quoted\" \(UUID())"
        _ = try await suite.submit(
            [#"{"text": "tell me a joke, and how is the weather in Rome"}"#], tenant: tenant)
        let export = try await suite.winnow(["costs", "--focus"])
        #expect(export.status == 0, "\(export.errors)")
        #expect(export.output.contains("\"focus, \"\"quoted\"\" "))

        func check(_ csv: String) async throws -> Command.Result {
            let file = FileManager.default.temporaryDirectory.appending(path: "focus-\(UUID()).csv")
            defer { try? FileManager.default.removeItem(at: file) }
            try csv.write(to: file, atomically: true, encoding: .utf8)
            return try await Command.run(
                URL(filePath: python), [Repository.root.appending(path: "infra/dev/check-focus.py").path, file.path],
                environment: suite.environment)
        }
        let verdict = try await check(export.output)
        #expect(verdict.status == 0, "\(verdict.output)\(verdict.errors)")
        #expect(verdict.output.contains("rows in FOCUS 1.2"))
        for name in ["BillingAccountId", "BillingAccountName", "ChargeClass"] {
            let without = try await check(export.output.replacing(name, with: "x_\(name)", maxReplacements: 1))
            #expect(without.status == 1)
            #expect(without.output.contains("\(name) is missing"))
        }
    }
}
