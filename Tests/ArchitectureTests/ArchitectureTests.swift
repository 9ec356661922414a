import Foundation
import Testing

@Suite struct ArchitectureTests {
    private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func `no module imports a module that comes after it`() throws {
        let architecture = Architecture(manifest: try manifest())
        #expect(architecture.violations(in: try sources()) == [])
    }

    @Test func `the manifest is understood`() throws {
        let architecture = Architecture(manifest: try manifest())
        #expect(architecture.shared.starts(with: ["JSON", "Contracts"]))
        #expect(architecture.shared.contains("Runtime"))
        #expect(architecture.services.contains("CLI"))
        #expect(architecture.services.contains("LegalServicesWorker"))
        #expect(architecture.cModules.contains("CRDKafka"))
        #expect(architecture.cModules.contains("CSimdjson"))
    }

    @Test func `every folder of Shared and Services is a target`() throws {
        let architecture = Architecture(manifest: try manifest())
        #expect(Set(try sources().map(\.module)) == Set(architecture.shared + architecture.services))
    }

    @Test func `every file keeps the house style`() throws {
        #expect(Habits.violations(in: try sources()) == [])
    }

    @Test func `no folder is crowded`() throws {
        #expect(Habits.crowdedFolders(in: try sources() + SourceFile.all(in: "Tests", of: root)) == [])
    }

    @Test func `no test sleeps`() throws {
        #expect(Habits.testViolations(in: try SourceFile.all(in: "Tests", of: root)) == [])
    }

    private func manifest() throws -> String {
        try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
    }

    private func sources() throws -> [SourceFile] {
        try SourceFile.all(in: "Shared", of: root) + SourceFile.all(in: "Services", of: root)
    }
}

/// The built-in capabilities are described by files and by nothing else, so that one more is a file more.
struct CapabilityNameTests {
    private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Files that may name a capability, or folders of such files.
    private static let exceptions = [
        // One line each: the executables of the built-in domains.
        "Services/Workers/",
        // Recipes of models that were made, with their data.
        "infra/training/",
        // A request of the proof itself.
        "infra/postgres/restore-proof.sh",
    ]

    @Test func `no program names a capability`() throws {
        let folder = root.appending(path: "infra/capabilities")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { FileManager.default.fileExists(atPath: folder.appending(path: "\($0)/capability.json").path) }
        #expect(names.count >= 4)
        var faults: [String] = []
        for path in sources() where !Self.exceptions.contains(where: path.hasPrefix) {
            let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
            let code = path.hasSuffix(".swift") ? text.replacing(/\/\/[^\n]*/, with: "") : text
            faults += names.filter { code.contains($0) }.map { "\(path): names \($0)" }
        }
        #expect(faults == [])
    }

    /// Swift, SQL, shell and Python of the product and its tools. Rendered files are checked against the catalog.
    private func sources() -> [String] {
        ["Services", "Shared", "infra"].flatMap { top in
            let files = FileManager.default.enumerator(atPath: root.appending(path: top).path)
            return (files?.compactMap { $0 as? String } ?? []).map { "\(top)/\($0)" }
        }.filter { path in [".swift", ".sql", ".sh", ".py"].contains { path.hasSuffix($0) } }
    }
}
