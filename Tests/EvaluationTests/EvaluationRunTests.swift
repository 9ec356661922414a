import BuiltInCatalog
import Contracts
import Inference
import JSON
import Store
import TestKit
import Testing

@testable import Client
@testable import Evaluation

struct EvaluationRunTests {
    private static let routes = [Route(.legalServices, "clause-type"), Route(.legalServices, "unfair-term")]

    private static let chunks = routes.enumerated().map { index, route in
        EvaluationChunk(
            eventID: EventID("\(index)"), route: route, items: [LabelledItem(route: route, text: "t", label: "x")])
    }

    private func result(_ id: String, _ status: String = "completed") throws -> (EventID, RequestResult) {
        let json =
            #"{"id":"\#(id)","status":"\#(status)","steps":[{"items":[{"text":"t","label":"x"}]}],"#
            + #""usage":{"flops":1,"fullModelFlops":4}}"#
        return (EventID(id), try RequestResult(Array(json.utf8)))
    }

    private func run(_ results: [(EventID, RequestResult)], rejectedRows: Int = 0) async throws -> EvaluationRun {
        try await EvaluationRun(
            Self.chunks, results: Dictionary(uniqueKeysWithValues: results), rejectedRows: rejectedRows,
            certificates: [], full: { _ in ScriptedClassifier("full") { text, _ in .of(text, "x") } },
            small: { _ in ScriptedClassifier("small") { text, _ in .of(text, "y") } })
    }

    @Test func `a run is answered when every request is, and completed when nothing was left out`() async throws {
        let whole = try await run([result("0"), result("1")])
        #expect(whole.isAnswered && whole.isCompleted)
        let partial = try await run([result("0")])
        #expect(!partial.isAnswered && !partial.isCompleted)
        let failed = try await run([result("0"), result("1", "failed")])
        #expect(failed.isAnswered && !failed.isCompleted)
        let rejected = try await run([result("0"), result("1")], rejectedRows: 1)
        #expect(rejected.isAnswered && !rejected.isCompleted)
    }

    @Test func `programs read the figures of each task in the order of names, and of all`() async throws {
        let scores = TaskScores(try await run([result("0"), result("1")], rejectedRows: 3))
        try JSONDocument.read(scores.json) { root in
            #expect(root["tasks"]?.map { $0["task"]?.string } == ["clause-type", "unfair-term"])
            #expect(root["tasks"]?.map { $0["n"]?.integer } == [1, 1])
            #expect(root["overall"]?["n"]?.integer == 2)
            #expect(root["overall"]?["suiteAccuracy"]?["value"]?.double == 1)
            #expect(root["overall"]?["smallAccuracy"]?["value"]?.double == 0)
            #expect(root["rejected"]?.integer == 3)
            #expect(root["otherLanguages"]?.integer == 0)
        }
    }

    @Test func `a ranking has proposals for programs only if they were asked for`() throws {
        let use = TaskUse(
            route: Self.routes[0], items: 10, escalatedItems: 5, escalationCost: PicoDollars(7), guessedItems: 0,
            agreedItems: 0, isCertified: true)
        for (proposals, count) in [(nil, nil), ([], 0)] as [([Proposal]?, Int?)] {
            let report = RankReport(days: 30, tasks: [Prospect(use)], proposals: proposals)
            try JSONDocument.read(report.json) { root in
                #expect(root["days"]?.integer == 30)
                #expect(root["tasks"]?.map { $0["escalationPicoUSD"]?.integer } == [7])
                #expect(root["proposals"]?.map { _ in 1 }?.count == count)
            }
        }
    }
}
