import BuiltInCatalog
import Contracts
import Inference
import JSON
import TestKit
import Testing

@testable import Client
@testable import Evaluation

struct ScorecardTests {
    private let route = Route(.legalServices, "clause-type")

    private func chunk(_ labels: [String]) -> EvaluationChunk {
        EvaluationChunk(
            eventID: "e", route: route,
            items: labels.enumerated().map { LabelledItem(route: route, text: "t\($0)", label: $1) })
    }

    private func result(_ items: String) throws -> RequestResult {
        let json =
            #"{"id":"e","status":"completed","steps":[{"capability":"legal-services","task":"clause-type","#
            + #""items":[\#(items)]}],"usage":{"flops":30,"fullModelFlops":100}}"#
        return try RequestResult(Array(json.utf8))
    }

    /// - Parameters:
    ///   - full: one label for each item, each with a second label that is nearly as likely.
    private func request(
        _ labels: [String], _ result: RequestResult?, full: [String], small: [String], rival: String = "none"
    ) -> EvaluationRun.Request {
        EvaluationRun.Request(
            chunk: chunk(labels), result: result, small: small.map { .of("t", $0) },
            full: full.map { label in
                var prediction = Prediction.of("t", label)
                prediction.rivals = [.init(label: rival, share: 0.5)]
                return prediction
            },
            models: ModelPair(
                small: ModelIdentity(name: "small", version: "7"), full: ModelIdentity(name: "full", version: "1")),
            tieShare: 0.5)
    }

    @Test func `labels are compared item by item`() throws {
        var card = Scorecard()
        let items = [
            #"{"text":"t0","label":"a","decidedBy":"worker"}"#, #"{"text":"t1","label":"b","decidedBy":"full"}"#,
            #"{"text":"t2","label":"c","decidedBy":"worker"}"#, #"{"text":"t3","label":"x","decidedBy":"worker"}"#,
        ].joined(separator: ",")
        card.add(
            request(
                ["a", "b", "c", "d"], try result(items), full: ["a", "b", "x", "x"], small: ["a", "x", "c", "x"],
                rival: "c"))
        #expect(card.count == 4)
        let values = Dictionary(uniqueKeysWithValues: zip(Scorecard.columns, card.figures.map(\.value)))
        #expect(
            values == [
                "suiteAccuracy": 0.75, "fullAccuracy": 0.5, "smallAccuracy": 0.5, "agreement": 0.75,
                "promisedAgreement": 1, "escalationRate": 0.25, "computeShare": 0.3,
            ])
    }

    @Test func `an item without an answer is a wrong one`() throws {
        var card = Scorecard()
        card.add(request(["a", "b"], nil, full: ["a", "b"], small: ["a", "b"]))
        card.add(
            request(
                ["a", "b"], try result(#"{"text":"t0","label":"a","decidedBy":"worker"},{"text":"t1"}"#),
                full: ["a", "b"], small: ["a", "b"]))
        #expect(card.unanswered == 3)
        #expect(card.figures.prefix(5).map(\.value) == [0.25, 1, 1, 0.25, 0.25])
    }

    @Test func `scorecards of tasks add up to the total`() throws {
        var card = Scorecard()
        card.add(request(["a"], try result(#"{"text":"t0","label":"a"}"#), full: ["a"], small: ["a"]))
        var sum = Scorecard()
        sum.add(card)
        sum.add(card)
        #expect(sum.count == 2)
        #expect(sum.figures.last?.value == 0.3)
    }

    @Test func `programs read n and every figure by name`() throws {
        var card = Scorecard()
        card.add(request(["a"], try result(#"{"text":"t0","label":"a"}"#), full: ["a"], small: ["a"]))
        var writer = JSONWriter()
        writer.object { card.writeFigures(to: &$0) }
        try JSONDocument.read(writer.bytes) { root in
            #expect(root["n"]?.integer == 1)
            #expect(root["unanswered"]?.integer == 0)
            #expect(root["suiteAccuracy"]?["value"]?.double == 1)
            #expect(root["computeShare"]?["high"]?.double == 0.3)
        }
    }

    @Test func `a chunk goes out as a machine request of one step`() throws {
        let pending = chunk(["a", "b"]).pending
        let request = try Request.decode(
            pending.body, eventID: pending.eventID, tenant: .default, deadline: nil, catalog: .builtIn)
        #expect(request.channel == .machine)
        #expect(request.steps == [RequestedStep(route: route, items: ["t0", "t1"])])
    }
}
