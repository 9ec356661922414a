import BuiltInCatalog
import Contracts
import MessageBus
import Models
import Store
import StoreTesting
import TestKit
import Testing

@testable import Escalator

struct EndpointShadowTests {
    private static let clause = EndpointEscalationTests.clause
    private static let hour = Timestamp(milliseconds: 1_790_000_400_000 / 3_600_000 * 3_600_000)

    private let id = Request.ID.numbered(1)
    private let store = InMemoryStore()
    private let certificate: Certificate

    init() {
        let identity = ModelIdentity(
            ModelIdentity(name: "endpoint:big", version: "1"), asked: EndpointEscalationTests.question)
        certificate = Certificate.of(Self.clause, full: identity.description)
    }

    private func handle(
        _ model: any Model, _ items: [(text: String, label: String)], judge: (any Model)? = nil
    ) async throws -> [OutgoingRecord] {
        try await store.registerCertificates([certificate])
        let judges = judge.map { judge in
            [
                Self.clause: FullEndpoint(
                    model: judge, route: Self.clause, question: EndpointEscalationTests.question, comparator: .exact,
                    itemsPerCall: 1, places: FullEndpoint.Places(4))
            ]
        }
        let endpoint = FullEndpoint(
            model: model, route: Self.clause, question: EndpointEscalationTests.question, comparator: .exact,
            itemsPerCall: 1, places: FullEndpoint.Places(4))
        let shadow = Shadow(
            step: 3, route: Self.clause,
            items: items.enumerated().map {
                .init(index: $0, text: $1.text, output: .label($1.label), confidence: 0.97)
            },
            smallModel: "small@7", certificate: certificate.id, probability: 0.25,
            decidedAt: Self.hour.adding(milliseconds: 5))
        return try await EndpointShadows(
            service: "escalator.bulk", endpoints: [Self.clause: endpoint], judges: judges ?? [:],
            ledger: EndpointLedger(store), register: store, catalog: LiveCatalog(.builtIn)
        ).handle(.shadow(shadow, of: id))
    }

    private func counts() async throws -> Set<[Int]> {
        let samples = try await store.judge(limit: 100) { _ in AgreementVerdict() }.evidence.samples
        return Set(samples.flatMap(\.strata).map { [$0.compared, $0.disagreed] })
    }

    @Test func `what both said is kept, each try is paid for as a shadow, and a text is compared once`() async throws {
        let model = EndpointEscalationTests.labelled()
        #expect(try await handle(model, [("first", "a"), ("other", "a")]).isEmpty)
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.attempt.kind) == [.shadow, .shadow])
        #expect(rows.map(\.cost) == [ScriptedModel.cost, ScriptedModel.cost])
        #expect(try await counts() == [[2, 1]])
        _ = try await handle(model, [("first", "a"), ("other", "a")])
        #expect(model.texts.count == 2)
        #expect(try await store.ledger(of: id).count == 2)
    }

    @Test func `what the server refuses proves nothing, and an unavailable server is asked again`() async throws {
        let refusing = ScriptedModel { text, _ in
            text == "first" ? .error(ModelError(.refused, "no", isRetriable: false)) : .answers(.label("a"))
        }
        _ = try await handle(refusing, [("first", "a"), ("other", "a")])
        #expect(try await counts() == [[1, 0]])
        let away = ScriptedModel { _, _ in
            .error(ModelError(.circuitOpen, "open", isRetriable: true, isDependencyUnavailable: true))
        }
        await #expect(throws: ModelError.self) { try await handle(away, [("third", "a")]) }
    }

    /// A judge that says what the script says, as often as it is asked.
    private func judge(_ script: @escaping @Sendable (_ number: Int) -> ScriptedModel.Try) -> ScriptedModel {
        ScriptedModel("endpoint:fair") { _, number in script(number) }
    }

    @Test func `a judge decides about answers that differ in form, and about no others`() async throws {
        let model = EndpointEscalationTests.labelled()
        let fair = judge { .answers(.label($0 < 4 ? "same" : "different")) }
        // The full model says a about the first text and b about the others.
        _ = try await handle(model, [("first", "a"), ("second", "a"), ("third", "a")], judge: fair)
        #expect(fair.texts.count == 4)
        #expect(try await counts() == [[3, 1]])
        let rows = try await store.ledger(of: id)
        #expect(rows.count { $0.attempt.model == "endpoint:fair" && $0.attempt.kind == .shadow } == 4)
        #expect(rows.allSatisfy { $0.attempt.state == .settled })
    }

    @Test func `what a judge refuses, or its fallback decides, has not been shown to agree`() async throws {
        let model = EndpointEscalationTests.labelled()
        let refusing = judge { _ in .error(ModelError(.refused, "no", isRetriable: false)) }
        _ = try await handle(model, [("second", "a")], judge: refusing)
        #expect(try await counts() == [[1, 1]])
        let spare = judge { _ in .answers(.label("same")) }
        _ = try await handle(model, [("third", "a")], judge: RenamedModel(model: spare))
        #expect(try await counts() == [[2, 2]])
    }

    @Test func `a judge that is away is asked again, and the full model is not`() async throws {
        let model = EndpointEscalationTests.labelled()
        let returning = judge {
            $0 == 1
                ? .error(ModelError(.serverError, "away", isRetriable: true, isDependencyUnavailable: true))
                : .answers(.label("same"))
        }
        _ = try await handle(model, [("second", "a")], judge: returning)
        #expect(try await counts() == [[1, 0]])
        #expect(model.texts == ["second"])
        #expect(returning.texts.count == 3)
    }

    @Test func `a fallback proves nothing about the certificate`() async throws {
        let spare = ScriptedModel("endpoint:spare") { _, _ in .answers(.label("b")) }
        _ = try await handle(RenamedModel(model: spare), [("first", "a")])
        #expect(try await counts().isEmpty)
        #expect(try await store.ledger(of: id).map(\.attempt.model) == ["endpoint:spare"])
    }
}

/// A model for which another one answers.
private struct RenamedModel: Model {
    let model: any Model
    let identity = ModelIdentity(name: "endpoint:big", version: "1")

    func answer(
        _ inputs: [ModelInput], as question: Models.Question, on ledger: (any CallLedger)?
    ) async throws -> [ModelOutput] {
        try await model.answer(inputs, as: question, on: ledger)
    }
}
