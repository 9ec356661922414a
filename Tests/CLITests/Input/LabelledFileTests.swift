import BuiltInCatalog
import Contracts
import Evaluation
import Foundation
import Settings
import Testing

@testable import CLI

struct LabelledFileTests {
    private static let good = #"{"capability":"legal-services","task":"clause-type","text":"é \u0000","label":"x"}"#
    private static let many = (0..<2000)
        .map { #"{"capability":"legal-services","task":"clause-type","text":"number \#($0)","label":"x"}"# + "\n" }
        .joined()

    private func read(_ file: TemporaryFile) throws -> [LabelledItem] {
        try LabelledFile(reading: file.path, catalog: .builtIn).items
    }

    private func fault(_ file: TemporaryFile) -> String {
        "\(#expect(throws: LabelledFileError.self) { try read(file) }?.description ?? "")"
    }

    @Test func `a file is read plain or gzipped, with any line ends`() throws {
        for file in [
            try TemporaryFile(Self.good + "\r\n\n" + Self.good), try .gzipped(Self.good + "\n" + Self.good + "\n"),
        ] {
            let items = try read(file)
            #expect(items.map(\.text) == ["é \u{0}", "é \u{0}"])
            #expect(items.map(\.route) == [Route(.legalServices, "clause-type"), Route(.legalServices, "clause-type")])
            #expect(items.map(\.label) == ["x", "x"])
        }
        #expect(try read(try .gzipped(Self.many)).count == 2000)
        #expect(fault(try TemporaryFile("\n \r\n")).contains("no items"))
    }

    @Test(arguments: [0.2, 0.5, 0.9, 0.999])
    func `a gzipped file that was cut off is refused`(share: Double) throws {
        #expect(fault(try .gzipped(Self.many, share: share)).contains("damaged"))
    }

    @Test func `a file that is not there is refused`() {
        let error = #expect(throws: SmallFileError.self) {
            try LabelledFile(reading: "/nowhere/at/all", catalog: .builtIn)
        }
        #expect(error?.description == "/nowhere/at/all: No such file or directory")
    }

    @Test func `a row that no request can carry is set apart under its number, and the others are read`() throws {
        func row(_ text: String) -> String { Self.good.replacing("é \\u0000", with: text) }
        let long = String(repeating: "x", count: Limits.requestBytes)
        let lines = [row("a"), "", row("  "), row(long), " \t", row("b")]
        let file = try TemporaryFile(lines.joined(separator: "\n")).reading {
            try LabelledFile(reading: $0, catalog: .builtIn)
        }
        #expect(file.items.map(\.text) == ["a", "b"])
        #expect(file.rejected.map(\.line) == [3, 4])
        #expect(file.rejected.map(\.error.code) == [.emptyText, .tooLarge])
    }

    /// Several members in one file, as with `cat a.gz b.gz`, followed by other bytes.
    @Test func `every member of a gzip file is read`() throws {
        let parts = try ["one", "two", ""].map {
            try TemporaryFile.gzipped($0).reading { try [UInt8](Data(contentsOf: URL(filePath: $0))) }
        }
        #expect(try Gzip.inflated(Array(parts.joined()) + [0, 0, 7], limit: 100) == Array("onetwo".utf8))
        #expect(throws: Gzip.Fault.tooLarge) { try Gzip.inflated(parts[0], limit: 2) }
        #expect(throws: Gzip.Fault.damaged) { try Gzip.inflated([0x1F, 0x8B], limit: 100) }
    }
}
