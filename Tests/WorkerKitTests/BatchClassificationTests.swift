import Contracts
import Delivery
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

    @Test func `a bulk lane looks at the gate every few milliseconds, and is answered the same`() async throws {
        let slow = ScriptedClassifier(routes: [Self.clause]) { text, _ in
            let end = ContinuousClock.now + .milliseconds(6)
            while ContinuousClock.now < end {}
            return .of(text, "of " + text)
        }
        let groups = [BatchClassification.Group(route: Self.clause, texts: ["a", "bb", "ccc"])]
        let shares = try await BatchClassification.run(groups, on: slow, gate: LaneGate())
        #expect(slow.calls.map(\.texts) == [["a"], ["bb"], ["ccc"]])
        #expect(shares.map { $0.predictions.map(\.label) } == [["of a", "of bb", "of ccc"]])
        #expect(shares[0].durationMicros >= 18_000)
    }

    @Test func `texts that cost little go in chunks that grow`() async throws {
        let texts = (0..<64).map { "\($0)" }
        let shares = try await BatchClassification.run(
            [.init(route: Self.clause, texts: texts)], on: classifier, gate: LaneGate())
        #expect(classifier.calls.flatMap(\.texts) == texts)
        #expect(classifier.calls.first?.texts.count == 1)
        #expect(shares.map { $0.predictions.count } == [64])
    }

    @Test func `nothing to classify asks nobody`() async throws {
        #expect(try await BatchClassification.run([], on: classifier).isEmpty)
        #expect(classifier.calls.isEmpty)
    }
}
