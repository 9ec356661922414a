import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

/// A model's version on a route changes with everything that can change an answer there, and with nothing else.
struct FingerprintTests {
    private static let clause = Route(.legalServices, "clause-type"), unfair = Route(.legalServices, "unfair-term")

    /// A change to an artifact, and the routes that it concerns.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let changed: Set<Route>
        let edit: @Sendable (inout TinyModel) -> Void
    }

    private func versions(_ model: TinyModel, _ catalog: Catalog = .builtIn) throws -> [Route: ModelIdentity] {
        try model.written { folder in
            let classifier = try EncoderClassifier(directory: folder, catalog: catalog)
            let identities = try RouteIdentities(directory: folder, catalog: catalog)
            return classifier.routes.reduce(into: [:]) { versions, route in
                versions[route] = classifier.identity(of: route)
                #expect(identities.identity(of: route) == versions[route], "what does not run has the same names")
            }
        }
    }

    @Test(arguments: changes)
    func `a route's version changes with what its answers depend on`(change: Change) throws {
        let before = try versions(TinyModel())
        var model = TinyModel()
        change.edit(&model)
        let after = try versions(model)
        for route in before.keys {
            #expect((before[route] == after[route]) == !change.changed.contains(route), "\(route)")
        }
    }

    @Test func `a version is the model's name and sixteen digits`() throws {
        let identity = try #require(try versions(TinyModel())[Self.clause])
        #expect(identity.name == "tiny" && Certificate.ID(identity.version) != nil)
    }

    @Test func `another rule for long texts is another version of its task alone`() throws {
        var legal = try #require(Catalog.builtIn[.legalServices])
        let index = try #require(legal.tasks.firstIndex { $0.name == Self.unfair.task })
        let before = try versions(TinyModel(), Catalog([legal]))
        legal.tasks[index].windowRule = legal.tasks[index].windowRule == .mean ? .beginning : .mean
        let after = try versions(TinyModel(), Catalog([legal]))
        #expect(before[Self.clause] == after[Self.clause])
        #expect(before[Self.unfair] != after[Self.unfair])
    }

    @Test func `a capability that joins the catalog is no other version of the router`() throws {
        var other = try #require(Catalog.builtIn[.securityServices])
        other.name = Capability(rawValue: "customer-support")
        let grown = Catalog(Catalog.builtIn.capabilities + [other])
        #expect(grown.windowRule(of: .decomposition) != Catalog.builtIn.windowRule(of: .decomposition))
        let before = try RouteIdentities(directory: Golden.model("router"), catalog: .builtIn)
        let after = try RouteIdentities(directory: Golden.model("router"), catalog: grown)
        #expect(before.identity(of: .decomposition) == after.identity(of: .decomposition))
    }

    static let changes: [Change] = [
        Change(testDescription: "another head is added", changed: []) { model in
            model.card["heads"] = (model.card["heads"] ?? "").replacing(
                #""calibration":null}]"#,
                with: """
                    "calibration":null},{"capability":"customer-support","task":"reason","kind":"single-label",
                    "labels":["x","y"],"maxTokens":8,"temperature":1.0,"thresholds":null,"gate":null}]
                    """)
            let hidden = model.shape.hidden
            model.file.add(
                "heads.customer-support/reason.weight", [2, hidden], [Float](repeating: 0.25, count: 2 * hidden))
            model.file.add("heads.customer-support/reason.bias", [2], [Float](repeating: 0, count: 2))
        },
        Change(testDescription: "the card has another version, teacher and capability", changed: []) { model in
            model.card["version"] = #""2.0.0""#
            model.card["teacher"] = #"{"name":"full","version":"10"}"#
            model.card["capability"] = #""another""#
        },
        Change(
            testDescription: "another calibration of a model that certificates decide for", changed: [],
            edit: TinyModel.replace(#""threshold":0.5"#, #""threshold":0.75"#)),
        Change(
            testDescription: "a head is made anew", changed: [clause],
            edit: TinyModel.spoil("heads.legal-services/clause-type.weight")),
        Change(
            testDescription: "another bias", changed: [unfair],
            edit: TinyModel.spoil("heads.legal-services/unfair-term.bias")),
        Change(
            testDescription: "an exit is made anew", changed: [clause],
            edit: TinyModel.spoil("exits.0.legal-services/clause-type.weight")),
        Change(
            testDescription: "an exit is less strict", changed: [clause],
            edit: TinyModel.replace("\"from\":\(TinyModel.leavesFrom)", "\"from\":0.6")),
        Change(testDescription: "another label", changed: [clause], edit: TinyModel.replace(#""c"]"#, #""d"]"#)),
        Change(
            testDescription: "another threshold", changed: [unfair], edit: TinyModel.replace("[0.5,0.25]", "[0.5,0.5]")),
        Change(
            testDescription: "another temperature", changed: [clause],
            edit: TinyModel.replace(#""temperature":1.0,"thresholds":null"#, #""temperature":1.5,"thresholds":null"#)),
        Change(
            testDescription: "a gate", changed: [clause],
            edit: TinyModel.replace(
                #""gate":null,"#,
                #""gate":{"kind":"energy","temperature":1.0,"threshold":5.0,"scale":0.5,"label":"out"},"#)),
        Change(
            testDescription: "more of a text is read", changed: [unfair],
            edit: TinyModel.replace(#""maxTokens":8"#, #""maxTokens":9"#)),
        Change(
            testDescription: "a layer that only one head reads", changed: [clause],
            edit: TinyModel.spoil("layers.1.feedForward.down.weight")),
        Change(
            testDescription: "a layer that both heads read", changed: [clause, unfair],
            edit: TinyModel.spoil("layers.0.attention.qkv.weight")),
        Change(
            testDescription: "the embeddings", changed: [clause, unfair],
            edit: TinyModel.spoil("embeddings.word.weight")),
        Change(testDescription: "the tokenizer", changed: [clause, unfair]) { model in
            let bytes = (model.file["tokenizer.vocabulary"]?.bytes ?? []).map {
                $0 == UInt8(ascii: "z") ? UInt8(ascii: "!") : $0
            }
            model.file["tokenizer.vocabulary"]?.bytes = bytes
        },
        Change(testDescription: "the encoder's epsilon", changed: [clause, unfair]) { model in
            model.card["encoder"] = (model.card["encoder"] ?? "").replacing("1e-12", with: "1e-6")
        },
    ]
}
