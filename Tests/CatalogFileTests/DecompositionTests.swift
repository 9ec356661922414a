import CatalogFile
import Contracts
import Foundation
import TestKit
import Testing

/// `decomposition.json`. `check_examples.py` compares the schema with the same examples.
@Suite struct DecompositionTests {
    private static let examples = "\(Tree.root)/Tests/CatalogFileTests/Examples/decomposition"

    /// Reads the example as a part of a catalog with one capability.
    private static func read(_ example: String) throws -> Catalog {
        let folder = FileManager.default.temporaryDirectory.appending(path: "catalog-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let capability = "\(Tree.root)/infra/capabilities/legal-services"
        try FileManager.default.copyItem(atPath: capability, toPath: "\(folder)/legal-services")
        try FileManager.default.copyItem(
            atPath: "\(examples)/\(example)", toPath: "\(folder)/\(CatalogFile.decompositionName)")
        return try CatalogFile.read(folder: folder)
    }

    private static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(examples)/\(folder)").map { "\(folder)/\($0)" }
    }

    @Test func `without the file the built-in full model routes, and nothing is written`() throws {
        let catalog = try CatalogFile.read(folder: "\(Tree.root)/infra/capabilities")
        #expect(catalog.decomposition == DecompositionDescription())
        #expect(!String(decoding: CatalogFile.write(catalog), as: UTF8.self).contains("decomposition"))
    }

    @Test func `valid files are read, and the catalog's canonical form says the same`() throws {
        let names = try Self.names("valid")
        #expect(names.count > 2)
        for name in names {
            let catalog = try Self.read(name)
            let again = try CatalogFile.read(catalog: CatalogFile.write(catalog), file: name)
            #expect(again == catalog)
        }
        let whole = try Self.read("valid/whole.json")
        #expect(whole.decomposition == DecompositionDescription(full: "endpoint:big", splitBelow: 0.9))
        #expect(whole.endpointNames == ["big"])
    }

    @Test func `invalid files are refused, with their name`() throws {
        let names = try Self.names("invalid")
        #expect(names.count > 7)
        for name in names {
            let error = #expect(throws: CatalogFileError.self, "\(name)") { try Self.read(name) }
            #expect(error?.faults.first?.file.hasSuffix(CatalogFile.decompositionName) == true, "\(name)")
        }
    }

    @Test func `a change is told`() {
        let old = Catalog(),
            new = Catalog(decomposition: DecompositionDescription(full: "endpoint:big", splitBelow: 0.9))
        let changes = CatalogDifference(from: old, to: new).changes
        #expect(changes.map(\.subject) == ["decomposition"])
        #expect(changes.first?.details == ["full model: full → endpoint:big", "bound of cuts: none → 0.9"])
    }
}
