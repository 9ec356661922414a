import Contracts
import Inference
import TestKit
import Testing
import WorkerKit

struct BatchClassificationTests {
    private static let clause = Route(.legalServices, "clause-type")
    private static let unfair = Route(.legalServices, "unfair-term")

    private let classifier = ScriptedClassifier(routes: [clause, unfair]) { text, route in .of(text, route.task + text)
    }

    @Test func `every group gets its own predictions, in its own order`() async throws {
        let groups: [BatchClassification.Group] = [
            .init(route: Self.clause, texts: ["a", "bb"]), .init(route: Self.unfair, texts: ["ccc"]),
            .init(route: Self.clause, texts: []), .init(route: Self.clause, texts: ["dddd", "a"]),
        ]
        let shares = try await BatchClassification.run(groups, on: classifier)
        let labels = [["clause-typea", "clause-typebb"], ["unfair-termccc"], [], ["clause-typedddd", "clause-typea"]]
        #expect(shares.map { $0.predictions.map(\.label) } == labels)
        #expect(shares.map(\.usage.inputTokens) == [3, 3, 0, 5])
        #expect(shares.map(\.usage.flops) == [3000, 3000, 0, 5000])
        #expect(shares[2].durationMicros == 0)
        #expect(classifier.calls.count == 2)
    }

    @Test func `the time of a call is shared out by tokens`() async throws {
        let slow = ScriptedClassifier(routes: [Self.clause]) { text, _ in
            // Long enough that a share is more than a rounding.
            let end = ContinuousClock.now + .milliseconds(2)
            while ContinuousClock.now < end {}
            return .of(text, "x")
        }
        let shares = try await BatchClassification.run(
            [.init(route: Self.clause, texts: ["a"]), .init(route: Self.clause, texts: ["abc"])], on: slow)
        let micros = shares.map(\.durationMicros)
        #expect(micros[0] > 0)
        #expect(abs(micros[1] - 3 * micros[0]) <= 3)
        #expect(shares[0].startedAt == shares[1].startedAt)
    }

    @Test func `nothing to classify asks nobody`() async throws {
        #expect(try await BatchClassification.run([], on: classifier).isEmpty)
        #expect(classifier.calls.isEmpty)
    }
}
