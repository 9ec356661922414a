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
