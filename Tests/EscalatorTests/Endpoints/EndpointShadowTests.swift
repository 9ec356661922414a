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

    private func handle(_ model: any Model, _ items: [(text: String, label: String)]) async throws -> [OutgoingRecord] {
        try await store.registerCertificates([certificate])
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
            service: "escalator.bulk", endpoints: [Self.clause: endpoint], ledger: EndpointLedger(store),
            register: store, catalog: LiveCatalog(.builtIn)
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
