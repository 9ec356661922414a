import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

/// What makes an artifact an item reader, and what its version depends on.
struct ReaderArtifactTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: ArtifactError.Code
        let says: String
        let edit: @Sendable (inout TinyModel) -> Void
    }

    @Test(arguments: faults)
    func `an artifact that is an item reader in part is refused`(fault: Fault) throws {
        var model = TinyModel.reader()
        fault.edit(&model)
        try model.written { folder in
            let error = #expect(throws: ArtifactError.self) { try ItemReader(directory: folder, catalog: Catalog()) }
            #expect(error?.code == fault.code, "\(String(describing: error))")
            #expect(error?.message.contains(fault.says) == true, "\(String(describing: error))")
        }
    }

    @Test func `a model that reads only texts is no item reader`() throws {
        try TinyModel().written { folder in
            let error = #expect(throws: ArtifactError.self) { try ItemReader(directory: folder, catalog: Catalog()) }
            #expect(error?.code == .unsupported)
        }
    }

    @Test(arguments: ["embeddings.mark.weight", "tags.weight"])
    func `a classifier has neither marks nor tags`(tensor: String) throws {
        var model = TinyModel()
        model.file[tensor] = TinyModel.reader().file[tensor]
        try model.written { folder in
            let error = #expect(throws: ArtifactError.self) {
                try EncoderClassifier(directory: folder, catalog: .builtIn)
            }
            #expect(error?.code == .surplusTensor)
        }
    }

    @Test func `a model that reads requests answers texts as if it did not, under the same versions`() throws {
        let model = TinyModel.reader(answersTexts: true)
        let both = try model.written { try EncoderClassifier(directory: $0, catalog: .builtIn) }
        let plain = try model.withoutReading().written { try EncoderClassifier(directory: $0, catalog: .builtIn) }
        #expect(both.routes == [.decomposition] + plain.routes)
        var dice = Dice(43)
        let texts = (0..<30).map { _ in EncoderTests.text(words: Int.random(in: 0...90, using: &dice), &dice) }
        for route in plain.routes {
            #expect(both.identity(of: route) == plain.identity(of: route))
            #expect(try both.predict(texts, as: route) == plain.predict(texts, as: route))
        }
    }

    @Test(arguments: [
        "embeddings.mark.weight", "tags.weight", "tags.bias", "heads.decomposition/route.weight", "reading",
    ])
    func `what reads requests is part of the version of the routing alone`(part: String) throws {
        func identities(_ model: TinyModel) throws -> [Route: ModelIdentity] {
            try model.written { folder in
                let model = try EncoderClassifier(directory: folder, catalog: .builtIn)
                #expect(
                    try ItemReader(directory: folder, catalog: Catalog()).identity == model.identity(of: .decomposition)
                )
                return model.routes.reduce(into: [:]) { $0[$1] = model.identity(of: $1) }
            }
        }
        var model = TinyModel.reader(answersTexts: true)
        let before = try identities(model)
        if part == "reading" { model.card[part] = #"{"window":48,"stride":21,"context":8}"# }
        TinyModel.spoil(part)(&model)
        let after = try identities(model)
        #expect(before.count == 3)
        for route in before.keys { #expect((before[route] != after[route]) == (route == .decomposition), "\(route)") }
    }

    @Test func `an item reader reads the same whatever else its model answers`() throws {
        let one = try TinyModel.reader().written { try ItemReader(directory: $0, catalog: Catalog()) }
        let both = try TinyModel.reader(answersTexts: true).written {
            try ItemReader(directory: $0, catalog: Catalog())
        }
        let sources = ["Play jazz\nand\n\nPlay", String(repeating: "jazz and Play, ", count: 30)]
        #expect(try one.read([sources]) == both.read([sources]))
    }

    /// A change to an item reader, and whether it changes the states and the answers.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var state = false
        let version: Bool
        let edit: @Sendable (inout TinyModel) -> Void
    }

    @Test(arguments: changes)
    func `a reader's version changes with what its items depend on`(change: Change) throws {
        func identities(_ model: TinyModel) throws -> (state: String, version: ModelIdentity) {
            try model.written { folder in
                let reader = try ItemReader(directory: folder, catalog: Catalog())
                let identities = try RouteIdentities(directory: folder, catalog: .builtIn)
                #expect(identities.identity(of: .decomposition) == reader.identity)
                #expect(identities.state(of: .decomposition) == reader.stateFingerprint)
                return (reader.stateFingerprint, reader.identity)
            }
        }
        var model = TinyModel.reader()
        let before = try identities(model)
        change.edit(&model)
        let after = try identities(model)
        #expect((before.state != after.state) == change.state)
        #expect((before.version != after.version) == change.version)
    }

    @Test func `a rule for windows of the catalog does not concern an item reader`() throws {
        try TinyModel.reader().written { folder in
            let all = try RouteIdentities(directory: folder, catalog: .builtIn)
            let none = try RouteIdentities(directory: folder, catalog: Catalog([]))
            #expect(all.card.heads[0].windowRule != none.card.heads[0].windowRule)
            #expect(all.identity(of: .decomposition) == none.identity(of: .decomposition))
        }
    }

    private static func reading(_ text: String) -> @Sendable (inout TinyModel) -> Void {
        { $0.card["reading"] = text }
    }

    static let faults: [Fault] = [
        Fault(testDescription: "no marks", code: .missingTensor, says: "embeddings.mark.weight") {
            $0.file["embeddings.mark.weight"] = nil
        },
        Fault(testDescription: "no tags", code: .missingTensor, says: "tags.weight") { $0.file["tags.weight"] = nil },
        Fault(testDescription: "no reading", code: .unsupported, says: "no item reader") { $0.card["reading"] = nil },
        Fault(testDescription: "seven marks", code: .dimensions, says: "embeddings.mark.weight") {
            $0.file.add("embeddings.mark.weight", [7, 64], [Float](repeating: 0, count: 7 * 64))
        },
        Fault(testDescription: "no pieces for line ends", code: .vocabulary, says: "[unused1]") {
            $0.file["tokenizer.vocabulary"] = TinyModel().file["tokenizer.vocabulary"]
        },
        Fault(
            testDescription: "a window of more tokens than positions", code: .card, says: "reading.window",
            edit: reading(#"{"window":49,"stride":20,"context":8}"#)),
        Fault(
            testDescription: "no stride", code: .card, says: "reading.stride",
            edit: reading(#"{"window":48,"stride":0,"context":8}"#)),
        Fault(
            testDescription: "a stride that leaves pieces unread", code: .card, says: "reading.stride",
            edit: reading(#"{"window":48,"stride":38,"context":8}"#)),
        Fault(
            testDescription: "a context as long as the stride", code: .card, says: "reading.stride",
            edit: reading(#"{"window":48,"stride":20,"context":19}"#)),
        Fault(
            testDescription: "a context that fills the window", code: .card, says: "reading.context",
            edit: reading(#"{"window":48,"stride":20,"context":45}"#)),
        Fault(
            testDescription: "a bound that is no probability", code: .card, says: "reading.sureFrom",
            edit: reading(#"{"window":48,"stride":20,"context":8,"sureFrom":1.5}"#)),
        Fault(
            testDescription: "a head that reads fewer layers", code: .card, says: "after all layers",
            edit: TinyModel.replace(#""maxTokens":48"#, #""layers":1,"maxTokens":48"#)),
        Fault(
            testDescription: "a head that reads shorter windows", code: .card, says: "maxTokens",
            edit: TinyModel.replace(#""maxTokens":48"#, #""maxTokens":47"#)),
        Fault(
            testDescription: "a head of another route", code: .card, says: "decomposition/route",
            edit: TinyModel.replace(#""task":"route""#, #""task":"other""#)),
        Fault(
            testDescription: "a head with an exit", code: .card, says: "without exits",
            edit: TinyModel.replace(#""maxTokens":48"#, #""exits":[{"layers":1,"from":0.9}],"maxTokens":48"#)),
        Fault(
            testDescription: "a head of one label", code: .card, says: "multi-label",
            edit: TinyModel.replace(#""kind":"multi-label""#, #""kind":"single-label""#)),
    ]

    static let changes: [Change] = [
        Change(
            testDescription: "other marks", state: true, version: true, edit: TinyModel.spoil("embeddings.mark.weight")),
        Change(testDescription: "other tags", version: true, edit: TinyModel.spoil("tags.weight")),
        Change(testDescription: "another bias of the tags", version: true, edit: TinyModel.spoil("tags.bias")),
        Change(
            testDescription: "another head", version: true, edit: TinyModel.spoil("heads.decomposition/route.weight")),
        Change(
            testDescription: "another layer", state: true, version: true,
            edit: TinyModel.spoil("layers.1.attention.qkv.weight")),
        Change(
            testDescription: "another stride", state: true, version: true,
            edit: reading(#"{"window":48,"stride":21,"context":8}"#)),
        Change(
            testDescription: "more context", state: true, version: true,
            edit: reading(#"{"window":48,"stride":20,"context":9}"#)),
        Change(
            testDescription: "a bound of sure items", version: true,
            edit: reading(#"{"window":48,"stride":20,"context":8,"sureFrom":0.5}"#)),
        Change(
            testDescription: "another calibration, which decides", version: true,
            edit: TinyModel.replace("0.75", "0.875")),
        Change(
            testDescription: "a bound for none", version: true,
            edit: TinyModel.replace(#"{"threshold":0.75}"#, #"{"threshold":0.75,"noRoute":{"threshold":0.5}}"#)),
        Change(testDescription: "another version on the card", version: false) { $0.card["version"] = #""2.0.0""# },
    ]
}
