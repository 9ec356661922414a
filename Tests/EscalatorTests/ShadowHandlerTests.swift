import BuiltInCatalog
import Contracts
import Inference
import MessageBus
import Store
import StoreTesting
import TestKit
import Testing

@testable import Escalator

struct ShadowHandlerTests {
    private static let clause = Route(.legalServices, "clause-type")
    private static let price = Price(
        model: "full", inputToken: PicoDollars(10), outputToken: .zero, validFrom: Timestamp(milliseconds: 0))
    private static let acme = TenantID(rawValue: "acme")
    private static let hour = Timestamp(milliseconds: 1_790_000_400_000 / 3_600_000 * 3_600_000)

    private let id = Request.ID.numbered(1)
    private let store = InMemoryStore()
    private let certificate = Certificate.of(clause, full: "full@2")
    private let model = ScriptedClassifier("full", version: "2", routes: [clause]) { text, _ in
        .of(text, "label of \(text)", 0.75)
    }

    private func shadow(
        step: Int = 3, tieShare: Double = 1, _ items: [(text: String, label: String)]
    ) -> Shadow {
        Shadow(
            step: step, route: Self.clause,
            items: items.enumerated().map {
                .init(index: $0, text: $1.text, output: .label($1.label), confidence: 0.97)
            },
            smallModel: "small@7", certificate: certificate.id, tieShare: tieShare, probability: 0.25,
            decidedAt: Self.hour.adding(milliseconds: 5))
    }

    private func handle(_ records: [Record], _ model: ScriptedClassifier? = nil) async throws -> [OutgoingRecord] {
        try await store.registerPrices([Self.price])
        try await store.registerCertificates([certificate])
        let handler = ShadowHandler(
            service: "escalator.bulk", classifier: model ?? self.model, register: store,
            prices: PriceBook(store: store), catalog: LiveCatalog(.builtIn))
        return try await handler.handle(records)
    }

    private func samples() async throws -> [ShadowSample] {
        try await store.judge(limit: 100) { _ in AgreementVerdict() }.evidence.samples
    }

    @Test func `what both said is kept, and the call is paid for as a shadow`() async throws {
        let record = Record.shadow(shadow([("a", "label of a"), ("b", "another")]), of: id)
        #expect(try await handle([record]).isEmpty)
        #expect(model.calls == [.init(texts: ["a", "b"], route: Self.clause)])
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.attempt.kind) == [.shadow])
        #expect(rows.map(\.attempt.state) == [.settled])
        #expect(rows.map(\.attempt.number) == [2])
        #expect(rows.map(\.cost) == [PicoDollars(20)])
        #expect(rows.map(\.tenant.rawValue) == ["acme"])
        // The worker's row has the counterfactual cost.
        #expect(rows.map(\.counterfactualCost) == [.zero])
        #expect(
            Set(try await samples().map(\.scope))
                == [.hour(Self.hour, Self.clause, Self.acme), .tenant(certificate.id, Self.acme)])
        _ = try await handle([.shadow(shadow(step: 4, [("c", "label of c")]), of: id)])
        let counted = try await samples()
        #expect(counted.allSatisfy { $0.strata.map(\.counts) == [[3, 1]] })
        // Its weight is the probability with which it was drawn.
        #expect(!counted.isEmpty && counted.allSatisfy { $0.strata.map(\.probability) == [0.25] })
    }

    @Test(arguments: [(1.0, 1), (0.6, 1), (0.5, 0)])
    func `a rival counts as the full model's answer from the certificate's share on`(
        tieShare: Double, disagreed: Int
    ) async throws {
        let undecided = ScriptedClassifier("full", version: "2", routes: [Self.clause]) { text, _ in
            var prediction = Prediction.of(text, "x", 0.6)
            prediction.rivals = [.init(label: "y", share: 0.55)]
            return prediction
        }
        _ = try await handle([.shadow(shadow(tieShare: tieShare, [("a", "x"), ("b", "y")]), of: id)], undecided)
        #expect(try await samples().allSatisfy { $0.strata.map(\.counts) == [[2, disagreed]] })
    }

    @Test func `a record that comes again is neither computed nor counted nor paid for again`() async throws {
        let record = Record.shadow(shadow([("a", "x")]), of: id)
        _ = try await handle([record, record])
        _ = try await handle([record])
        #expect(model.calls.count == 1)
        #expect(try await store.ledger(of: id).count == 1)
        #expect(try await samples().allSatisfy { $0.strata.map(\.compared) == [1] })
    }

    @Test func `a text that was compared is not asked about again, in whatever request it comes`() async throws {
        _ = try await handle([.shadow(shadow([("a", "x"), ("a", "x"), ("b", "x")]), of: id)])
        #expect(model.calls.map(\.texts) == [["a", "b"]])
        _ = try await handle((2..<50).map { .shadow(shadow([("a", "x")]), of: .numbered($0)) })
        #expect(model.calls.count == 1)
        _ = try await handle([.shadow(shadow([("a", "x"), ("c", "x")]), of: .numbered(50))])
        #expect(model.calls.map(\.texts) == [["a", "b"], ["c"]])
        #expect(try await samples().allSatisfy { $0.strata.map(\.counts) == [[3, 3]] })
    }

    @Test func `a text that the model cannot answer is paid for and tells nothing, and the others are compared`()
        async throws
    {
        let picky = ScriptedClassifier("full", version: "2", routes: [Self.clause]) { text, _ in
            guard text != "poison" else { throw InferenceError(.invalidAnswer, "no label") }
            return .of(text, "x")
        }
        let other = Request.ID.numbered(2)
        let records = [
            Record.shadow(shadow([("poison", "x")]), of: id), .shadow(shadow([("a", "x")]), of: other),
        ]
        #expect(try await handle(records, picky).isEmpty)
        #expect(try await store.ledger(of: id).map(\.attempt.state) == [.failed])
        #expect(try await store.ledger(of: id).map(\.cost) != [.zero])
        #expect(try await store.ledger(of: other).map(\.attempt.state) == [.settled])
        #expect(try await samples().allSatisfy { $0.strata.map(\.compared) == [1] })
    }

    @Test func `a fault that may pass costs nothing and is the loop's to try again`() async throws {
        let ill = ScriptedClassifier("full", version: "2", routes: [Self.clause]) { _, _ in
            throw InferenceError(.unavailable, "the endpoint did not answer")
        }
        let record = Record.shadow(shadow([("a", "label of a")]), of: id)
        await #expect(throws: InferenceError.self) { try await handle([record], ill) }
        #expect(try await store.ledger(of: id).map(\.cost) == [.zero])
        _ = try await handle([record])
        #expect(try await store.ledger(of: id).map(\.attempt.state) == [.failed, .settled])
        #expect(try await samples().count == 2)
    }

    @Test func `another version of the full model tells nothing of the certificate`() async throws {
        let newer = ScriptedClassifier("full", version: "3", routes: [Self.clause]) { text, _ in .of(text, "x") }
        _ = try await handle([.shadow(shadow([("a", "x")]), of: id)], newer)
        #expect(try await samples().map(\.scope) == [.hour(Self.hour, Self.clause, Self.acme)])
    }

    @Test func `what cannot be read is dead-lettered, and its neighbours are compared`() async throws {
        let good = Record.shadow(shadow([("a", "x")]), of: id)
        var bad = good
        bad.value = [0xFF]
        var strange = shadow([("a", "x")])
        strange.route = Route(.legalServices, "poetry")
        let emitted = try await handle([bad, .shadow(strange, of: id), good])
        #expect(emitted.map(\.topic) == [Topic.deadLetters, Topic.deadLetters])
        #expect(try await samples().count == 2)
    }
}

extension ShadowSample.Stratum {
    fileprivate var counts: [Int] { [compared, disagreed] }
}
