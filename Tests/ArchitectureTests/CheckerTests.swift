import Testing

/// Tests the checks themselves: each must fail on forbidden code, and only there.
@Suite struct CheckerTests {
    private let architecture = Architecture(
        shared: ["Contracts", "KafkaBus", "Runtime"], services: ["Aggregator", "Escalator", "CLI"], cModules: ["CKafka"]
    )

    @Test(arguments: [
        ("Shared/Contracts/A.swift", "import Runtime"),
        ("Shared/Contracts/A.swift", "import Aggregator"),
        ("Shared/Contracts/A.swift", "import Foundation"),
        ("Shared/Contracts/A.swift", "import FoundationEssentials"),
        ("Services/Aggregator/A.swift", "import FoundationEssentials"),
        ("Services/CLI/A.swift", "import FoundationEssentials"),
        ("Shared/Runtime/A.swift", "import KafkaBus"),
        ("Shared/Unknown/A.swift", "import Contracts"),
        ("Services/Aggregator/A.swift", "import Escalator"),
        ("Services/Aggregator/A.swift", "import KafkaBus"),
        ("Services/Aggregator/A.swift", "@preconcurrency import struct KafkaBus.KafkaConsumer"),
        ("Services/Aggregator/A.swift", "import Contracts\n  public import FoundationNetworking"),
        ("Services/Workers/LegalServicesWorker/A.swift", "import KafkaBus"),
    ])
    func `an import of a later module is found`(path: String, text: String) {
        #expect(violations(path, text).count == 1)
    }

    @Test(arguments: [
        ("Shared/KafkaBus/A.swift", "import Contracts"),
        ("Shared/Contracts/A.swift", "import Synchronization\nimport Glibc\n// import Runtime"),
        ("Shared/Contracts/A.swift", "let text = \"\"\"\nimport Runtime\n\"\"\""),
        ("Services/Aggregator/App.swift", "import KafkaBus\nimport Contracts"),
        ("Services/CLI/Session.swift", "import KafkaBus"),
    ])
    func `an import of an earlier module is not reported`(path: String, text: String) {
        #expect(violations(path, text) == [])
    }

    @Test func `a C module has exactly one importer`() {
        let one = SourceFile(path: "Shared/KafkaBus/A.swift", text: "import CKafka")
        let two = SourceFile(path: "Shared/Runtime/A.swift", text: "import CKafka")
        #expect(architecture.violations(in: [one]) == [])
        #expect(architecture.violations(in: [one, two]).count == 1)
        #expect(architecture.violations(in: []).count == 1)
    }

    @Test(arguments: [
        "fatalError(\"x\")", "print(a)", "dump(a)", "f(print(a))",
        "Task { await a() }", "Task.detached { }", "Task(priority: .low) { }", "let a = \"\\(print(b))\"",
        "let a = #\"\\#(dump(b))\"#", "record.headers[name]", "headers.first { $0.name == name }",
        "var eventID: String", "func f(tenants: [String])", "let tenantIDs: Set<String>", "var tenants: [String: Int]",
    ])
    func `code against the house style is found`(code: String) {
        #expect(habits(code).count == 1)
    }

    @Test(arguments: [
        "let a = \"dump(b) \\(b) print(b)\"", "// dump(a)", "/* dump(a) /* dump(a) */ dump(a) */",
        "writer.print(a)", "blueprint(a)", "TaskGroup { }", "withTaskGroup { }",
        "let a = #\"say \"dump(a)\" \\(print(b))\"#", "let a = \"\"\"\n  dump(a) \"print(a)\"\n  \"\"\"",
        "func preprint(_ a: Int) {}", "let a = \"\\(f(\"dump(a)\", (1)))dump(a)\"",
    ])
    func `code that only looks like a violation is not reported`(code: String) {
        #expect(habits(code) == [])
    }

    @Test func `a tool may print`() {
        #expect(Habits.violations(in: [SourceFile(path: "Services/CLI/A.swift", text: "print(a)")]) == [])
    }

    @Test func `a file that is too long is found`() {
        let line = "let a = 1\n"
        #expect(habits(String(repeating: line, count: Habits.maxLines)) == [])
        #expect(habits(String(repeating: line, count: Habits.maxLines + 1)).count == 1)
    }

    @Test func `a folder with too many files is found, and files of its sub-folders do not count`() {
        func files(_ count: Int, in folder: String) -> [SourceFile] {
            (0..<count).map { SourceFile(path: "\(folder)/\($0).swift", text: "") }
        }
        let most = files(Habits.mostFilesPerFolder, in: "Tests/A") + files(1, in: "Tests/A/B")
        #expect(Habits.crowdedFolders(in: most) == [])
        #expect(Habits.crowdedFolders(in: files(13, in: "Tests/A")) == ["Tests/A: has 13 files"])
    }

    @Test(arguments: [
        "try await Task.sleep(for: .seconds(1))", "usleep(3)", "sleep(1)", "Thread.sleep(forTimeInterval: 1)",
    ])
    func `a test that sleeps is found`(code: String) {
        #expect(Habits.testViolations(in: [SourceFile(path: "Tests/A/A.swift", text: code)]).count == 1)
        #expect(Habits.testViolations(in: [SourceFile(path: "Tests/A/A.swift", text: "\"\(code)\" // \(code)")]) == [])
    }

    @Test func `a violation names its line`() {
        #expect(
            habits("\n\"\"\"\n\n\"\"\"\nlet a = f(dump(b))") == ["Shared/Contracts/A.swift:5: prints"]
        )
    }

    private func violations(_ path: String, _ text: String) -> [String] {
        let importer = SourceFile(path: "Shared/KafkaBus/C.swift", text: "import CKafka")
        return architecture.violations(in: [importer, SourceFile(path: path, text: text)])
    }

    private func habits(_ code: String) -> [String] {
        Habits.violations(in: [SourceFile(path: "Shared/Contracts/A.swift", text: code)])
    }
}
