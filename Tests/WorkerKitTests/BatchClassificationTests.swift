import BuiltInCatalog
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

    private func shares(
        of groups: [BatchClassification.Group], on classifier: any Classifier, gate: LaneGate? = nil
    ) async throws -> [BatchClassification.Share] {
        try await BatchClassification.run(groups, on: classifier, gate: gate).map { try $0.get() }
    }

    @Test func `every group gets its own predictions, in its own order`() async throws {
        let groups: [BatchClassification.Group] = [
            .init(route: Self.clause, texts: ["a", "bb"]), .init(route: Self.unfair, texts: ["ccc"]),
            .init(route: Self.clause, texts: []), .init(route: Self.clause, texts: ["dddd", "a"]),
        ]
        let shares = try await shares(of: groups, on: classifier)
        let labels = [["clause-typea", "clause-typebb"], ["unfair-termccc"], [], ["clause-typedddd", "clause-typea"]]
        #expect(shares.map { $0.predictions.map(\.label) } == labels)
        #expect(shares.map(\.usage.inputTokens) == [3, 3, 0, 5])
        #expect(shares.map(\.usage.flops) == [3000, 3000, 0, 5000])
        #expect(shares[2].durationMicros == 0)
        #expect(classifier.calls.count == 2)
    }

    @Test(arguments: [false, true])
    func `each text goes to the model with what stands around it`(isBulk: Bool) async throws {
        let contexts = ["1", "2"].map { ItemContext(before: $0, after: "") }
        let groups: [BatchClassification.Group] = [
            .init(route: Self.clause, texts: ["a", "b"], contexts: [contexts[0], nil]),
            .init(route: Self.clause, texts: ["c"]), .init(route: Self.clause, texts: ["d"], contexts: [contexts[1]]),
        ]
        _ = try await shares(of: groups, on: classifier, gate: isBulk ? LaneGate() : nil)
        let pairs = classifier.calls.flatMap { call in
            zip(call.texts, call.contexts.isEmpty ? call.texts.map { _ in nil } : call.contexts).map {
                "\($0) \($1?.before ?? "-")"
            }
        }
        #expect(pairs == ["a 1", "b -", "c -", "d 2"])
    }

    @Test func `the time of a call is shared out by tokens`() async throws {
        let slow = ScriptedClassifier(routes: [Self.clause]) { text, _ in
            // Long enough that rounding does not hide a share.
            let end = ContinuousClock.now + .milliseconds(2)
            while ContinuousClock.now < end {}
            return .of(text, "x")
        }
        let shares = try await shares(
            of: [.init(route: Self.clause, texts: ["a"]), .init(route: Self.clause, texts: ["abc"])], on: slow)
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
        let shares = try await shares(of: groups, on: slow, gate: LaneGate())
        #expect(slow.calls.map(\.texts) == [["a"], ["bb"], ["ccc"]])
        #expect(shares.map { $0.predictions.map(\.label) } == [["of a", "of bb", "of ccc"]])
        #expect(shares[0].durationMicros >= 18_000)
    }

    @Test func `texts that cost little go in chunks that grow`() async throws {
        let texts = (0..<64).map { "\($0)" }
        let shares = try await shares(
            of: [.init(route: Self.clause, texts: texts)], on: classifier, gate: LaneGate())
        #expect(classifier.calls.flatMap(\.texts) == texts)
        #expect(classifier.calls.first?.texts.count == 1)
        #expect(shares.map { $0.predictions.count } == [64])
    }

    @Test(arguments: [nil, LaneGate()])
    func `a text that a model cannot answer fails its own group, and no other`(gate: LaneGate?) async throws {
        let picky = ScriptedClassifier(routes: [Self.clause, Self.unfair]) { text, _ in
            guard text != "poison" else { throw InferenceError(.invalidAnswer, "no label") }
            return .of(text, "of " + text)
        }
        let groups = (0..<9).map { number in
            BatchClassification.Group(
                route: number < 7 ? Self.clause : Self.unfair, texts: ["\(number)", number == 4 ? "poison" : "x"])
        }
        let results = try await BatchClassification.run(groups, on: picky, gate: gate)
        #expect(results.count == 9)
        for (number, result) in results.enumerated() {
            switch result {
            case .success(let share): #expect(share.predictions.map(\.label) == ["of \(number)", "of x"])
            case .failure(let error): #expect(number == 4 && error.code == .invalidAnswer && !error.isRetriable)
            }
        }
        #expect(results.count { (try? $0.get()) == nil } == 1)
    }

    @Test(arguments: [InferenceError.Code.compute, .unavailable])
    func `a retriable error is thrown at once`(code: InferenceError.Code) async throws {
        let ill = ScriptedClassifier(routes: [Self.clause]) { _, _ in throw InferenceError(code, "no memory") }
        let groups = (0..<4).map { BatchClassification.Group(route: Self.clause, texts: ["\($0)"]) }
        let error = await #expect(throws: InferenceError.self) { try await BatchClassification.run(groups, on: ill) }
        #expect(error?.isRetriable == true)
        #expect(ill.calls.count == 1)
    }

    @Test func `without texts no model is called`() async throws {
        #expect(try await shares(of: [], on: classifier).isEmpty)
        #expect(classifier.calls.isEmpty)
    }
}
