import Contracts
import Testing

@testable import CLI

struct LabelledItemTests {
    private static let good = #"{"capability":"legal-services","task":"clause-type","text":"é \u0000","label":"x"}"#
    private static let many = (0..<2000)
        .map { #"{"capability":"legal-services","task":"clause-type","text":"number \#($0)","label":"x"}"# + "\n" }
        .joined()

    private func read(_ file: TemporaryFile) throws -> [LabelledItem] { try LabelledItem.read(file.path) }

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
        #expect(try read(try TemporaryFile("")).isEmpty)
    }

    @Test(arguments: [
        "CANARY", "[]", #"{"capability":"CANARY","task":"clause-type","text":"a","label":"x"}"#,
        #"{"capability":"legal-services","task":"clause-type","text":"CANARY"}"#,
        #"{"capability":"legal-services","task":"clause-type","text":"CANARY","label":1}"#,
    ])
    func `a line that is wrong is named and not quoted`(line: String) throws {
        let message = fault(try TemporaryFile(Self.good + "\n" + line))
        #expect(message.contains("line 2"))
        #expect(!message.contains("CANARY"))
    }

    @Test func `a label may be left out where none is needed, and is a string where it is not`() throws {
        let bare = #"{"capability":"legal-services","task":"clause-type","text":"a"}"#
        let file = try TemporaryFile(bare)
        #expect(try LabelledItem.read(file.path, mayLackLabels: true).map(\.label) == [nil])
        #expect(throws: LabelledFileError.self) {
            let file = try TemporaryFile(bare.replacing("}", with: #","label":1}"#))
            return try LabelledItem.read(file.path, mayLackLabels: true)
        }
    }

    @Test(arguments: [0.2, 0.5, 0.9, 0.999])
    func `a gzipped file that was cut off is refused`(share: Double) throws {
        #expect(fault(try .gzipped(Self.many, share: share)).contains("damaged"))
    }

    @Test func `a file that is not there is refused`() {
        #expect(throws: LabelledFileError.self) { try LabelledItem.read("/nowhere/at/all") }
    }
}
