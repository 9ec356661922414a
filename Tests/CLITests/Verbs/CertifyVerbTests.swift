import BuiltInCatalog
import Certification
import Contracts
import Inference
import TestKit
import Testing

@testable import CLI
@testable import Evaluation

struct CertifyVerbTests {
    private static let route = Route(.legalServices, "clause-type")

    @Test func `a row has a cell for each column, whether there is a certificate or not`() throws {
        let promise = try #require(Promise(agreement: 0.9, confidence: 0.95))
        let model = CertifiedModel(identity: ModelIdentity(name: "full", version: "1"), dataHashes: [])
        for (count, isCertified) in [(800, true), (10, false)] {
            let comparisons = (0..<count).map { number in
                Comparison(
                    LabelledItem(route: Self.route, text: "item \(number)", label: nil), small: .of("", "x"),
                    full: .of("", "x"),
                    tieShare: 1)
            }
            var generator = Seeded(1)
            let report = CertifyReport(
                comparisons, of: Self.route, promise: promise, small: model, full: model,
                source: .init(file: "items", sha256: "ab"), at: Timestamp(milliseconds: 1), using: &generator)
            #expect((report.certificate != nil) == isCertified)
            #expect(report.row.count == CertifyReport.columns.count)
        }
    }

    @Test func `a file holds one certificate a task, the last one`() throws {
        let file = try TemporaryFile("")
        let unfair = Route(.legalServices, "unfair-term")
        try CertificateFile.replace([.of(Self.route, id: 1), .of(unfair, id: 2)], in: file.path)
        try CertificateFile.replace([.of(Self.route, id: 3)], in: file.path)
        #expect(try CertificateFile.read(file.path) == [.of(Self.route, id: 3), .of(unfair, id: 2)])
        #expect(try CertificateFile.read(file.path + ".none").isEmpty)
        let wrong = try TemporaryFile("{}\n")
        #expect(throws: ContractError.self) { try CertificateFile.read(wrong.path) }
    }

    @Test func `beside a model stand its own certificates and those of other models of the task`() throws {
        let file = try TemporaryFile("")
        let middle = Certificate.of(Self.route, id: 2, small: "full@5")
        try CertificateFile.replace([.of(Self.route, id: 1, small: "small@7")], in: file.path)
        try CertificateFile.replace([middle], in: file.path)
        try CertificateFile.replace([.of(Self.route, id: 3, small: "small@8")], in: file.path)
        #expect(try CertificateFile.read(file.path) == [middle, .of(Self.route, id: 3, small: "small@8")])
    }

    @Test(arguments: [
        "", "--capability nobody --data x", "--capability legal-services",
        "--capability legal-services --task x --data y",
        "--capability legal-services --data x --agreement 1", "--capability legal-services --data x --confidence no",
        "--capability legal-services --data x --tier full", "--capability legal-services --data x --tie-share 0.09",
        "--capability legal-services --data x --tie-share 2",
    ])
    func `what certify cannot understand is wrong usage`(line: String) async {
        let words = line.split(separator: " ").map(String.init)
        #expect(await CommandLineTool.run(["certify"] + words) == .wrongUsage)
    }

    @Test func `items in other languages are left out, and how many there are is told`() async throws {
        func certify(_ texts: String...) async throws -> Command.Result {
            let items = texts.map { #"{"capability":"legal-services","task":"unfair-term","text":"\#($0)"}"# }
            let data = try TemporaryFile(items.joined(separator: "\n")), out = try TemporaryFile("")
            return try await Command.winnow([
                "certify", "--capability", "legal-services", "--data", data.path, "--out", out.path, "--json",
            ])
        }
        let german = "Der Anbieter kann diese Bedingungen jederzeit ändern."
        let mixed = try await certify(german, "We may change these terms at any time without notice.", german)
        #expect(mixed.status == 3, "\(mixed.errors)")
        #expect(
            mixed.errors.contains(
                "unfair-term: 2 items in languages that the small models were not cut for are left out"))
        #expect(mixed.output.contains(#""items":1"#), "\(mixed.output)")
        let foreign = try await certify(german)
        #expect(foreign.status == 1)
        #expect(foreign.errors.contains("contains no items in the languages of legal-services/unfair-term"))
    }

    @Test(arguments: ["revoke", "revoke 0123456789abcdef", "revoke xyz --why a", "sing", "list more"])
    func `what certificates cannot understand is wrong usage`(line: String) async {
        let words = line.split(separator: " ").map(String.init)
        #expect(await CommandLineTool.run(["certificates"] + words) == .wrongUsage)
    }
}
