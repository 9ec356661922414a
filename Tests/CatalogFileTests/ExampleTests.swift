import CatalogFile
import Contracts
import Foundation
import TestKit
import Testing

/// `check_examples.py` runs the same examples on the schema.
@Suite struct ExampleTests {
    @Test(arguments: Example.all(in: "valid"))
    func `a valid example is read, and its canonical form is read as the same`(example: Example) throws {
        let capability = try CatalogFile.read(file: example.path)
        #expect(try CatalogFile.read(bytes: CatalogFile.write(capability), file: "canonical") == capability)
    }

    @Test func `each other example has the faults that are recorded, and no other`() throws {
        let examples = Example.all(in: "invalid") + Example.all(in: "refused")
        let lines = examples.flatMap { example in
            do throws(CatalogFileError) {
                _ = try CatalogFile.read(file: example.path)
                return ["\(example.name): was read"]
            } catch {
                return error.faults.map { "\(example.name): \($0.code.rawValue): \($0.path): \($0.message)" }
            }
        }
        let recorded = try String(contentsOfFile: Example.folder + "/faults.txt", encoding: .utf8)
            .split(separator: "\n").map(String.init)
        #expect(Set(lines).subtracting(recorded).sorted() == [], "not recorded")
        #expect(Set(recorded).subtracting(lines).sorted() == [], "recorded, and not found")
        #expect(lines.count == recorded.count)
        #expect(examples.count > 90)
    }

    @Test func `every valid example is another capability value`() throws {
        let examples = Example.all(in: "valid")
        let forms = try Set(examples.map { CatalogFile.write(try CatalogFile.read(file: $0.path)) })
        // Two of them only spell the smallest task differently.
        #expect(examples.count > 12)
        #expect(forms.count == examples.count - 1)
    }
}

struct Example: Sendable, CustomTestStringConvertible {
    /// The folder and the file, such as `valid/text.json`.
    let name: String

    var path: String { "\(Self.folder)/\(name)" }
    var testDescription: String { name }

    static let folder = "\(Tree.root)/Tests/CatalogFileTests/Examples"

    static func all(in folder: String) -> [Example] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(Self.folder)/\(folder)")) ?? []
        return files.sorted().map { Example(name: "\(folder)/\($0)") }
    }
}
