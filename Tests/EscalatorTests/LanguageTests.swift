import BuiltInCatalog
import Contracts
import MessageBus
import Models
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing
import WorkerKit

@testable import Escalator

/// Items in a language that small and middle models were not cut for. The models are sure of everything.
struct LanguageTests {
    private static let clause = EndpointEscalationTests.clause
    private static let german = "Keine Partei darf diesen Vertrag ohne Zustimmung abtreten."
    private static let french = "Aucune partie ne peut céder ce contrat sans accord écrit."
    private static let english = "Neither party may assign this agreement without consent."

    private let id = Request.ID.numbered(1)
    private let store = InMemoryStore()
    private let metrics = Metrics()
    private let middle = ScriptedClassifier("middle", version: "3") { text, _ in .of(text, "middle", 0.99) }
    private let encoder = ScriptedClassifier("full", version: "2") { text, _ in .of(text, "full", 0.75) }
    private let endpoint = ScriptedModel { _, _ in .answers(.label("a")) }

    /// The built-in catalog, whose full models also understand German.
    private static let catalog: LiveCatalog = {
        let capabilities = MiddleTierTests.catalog.current.capabilities.map { capability in
            var capability = capability
            capability.fullLanguages = ["de"]
            return capability
        }
        return LiveCatalog(Catalog(capabilities))
    }()

    /// The step of a task without a worker, or one that a worker has escalated.
    private func escalation(_ texts: [String], attempts: [Attempt] = []) -> Escalation {
        Escalation(
            step: 3, route: Self.clause,
            open: texts.enumerated().map { .init(index: $0.offset, text: $0.element) }, answers: texts.map { _ in nil },
            attempts: attempts)
    }

    private func encoders(_ middle: ScriptedClassifier?) async throws -> EscalationHandler {
        try await store.registerPrices([EscalationHandlerTests.price])
        let tier = MiddleTier(
            service: "escalator", models: middle.map { [Self.clause: $0] } ?? [:],
            certificates: KnownCertificates(acceptThreshold: 0.9), counterfactual: try Tree.counterfactual(),
            draw: ShadowDraw(1), metrics: Metrics())
        return EscalationHandler(
            service: "escalator", classifier: encoder, middle: tier, ledger: store, prices: PriceBook(store: store),
            catalog: Self.catalog, metrics: metrics)
    }

    /// A handler of tasks whose full model is an endpoint.
    private func endpoints(
        _ middle: ScriptedClassifier? = nil, small: ScriptedModel? = nil
    ) async throws -> EndpointEscalations {
        let ledger = EndpointLedger(store)
        let little = small.map { SmallEndpointTests.endpoint($0) }
        return EndpointEscalations(
            service: "escalator", endpoints: [Self.clause: SmallEndpointTests.endpoint(endpoint)],
            small: SmallEndpoints(
                service: "escalator", endpoints: little.map { [Self.clause: $0] } ?? [:],
                certificates: Certified(small: little?.identity.description ?? ""),
                counterfactual: try Tree.counterfactual(), draw: ShadowDraw(1), metrics: Metrics(), ledger: ledger,
                prices: PriceBook(store: store), catalog: Self.catalog),
            encoders: try await encoders(middle), ledger: ledger, catalog: Self.catalog,
            cancellations: NoCancellations(), metrics: metrics)
    }

    private struct Certified: Certificates {
        let small: String

        func prepare() async {}

        func certificate(_ route: Route, for tenant: TenantID) -> Certificate? {
            .of(route, small: small, acceptThreshold: 0.5)
        }
    }

    private func labels(_ outcome: Outcome?) -> [String?]? { outcome?.answers.map { $0?.label } }

    @Test func `an encoder is not asked about what nobody understands, and the rest is answered`() async throws {
        let handler = try await encoders(nil)
        let outcome = try await handler.handle([
            .escalation(escalation([Self.french, Self.english, Self.german]), of: id)
        ]).first?.outcome()
        #expect(labels(outcome) == ["unsupported_language", "full", "full"])
        #expect(outcome?.answers.first == .inUnsupportedLanguage)
        #expect(encoder.calls.flatMap(\.texts) == [Self.english, Self.german])
        let text = metrics.render()
        let counter = #"winnow_items_other_language_total{capability="legal-services",language="#
        #expect(text.contains(counter + #""fr",verdict="unsupported"} 1"#), "\(text)")
        #expect(text.contains(counter + #""de",verdict="full"} 1"#))
    }

    @Test func `a step that nobody understands is answered without a row in the ledger`() async throws {
        let record = Record.escalation(escalation([Self.french]), of: id)
        for outcome in [
            try await encoders(middle).handle([record]).first?.outcome(),
            try await endpoints(middle).handle(record).first?.outcome(),
        ] { #expect(outcome?.state == .answered && outcome?.answers == [.inUnsupportedLanguage]) }
        #expect(encoder.calls.isEmpty && middle.calls.isEmpty && endpoint.texts.isEmpty)
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test func `the middle model is not asked about what only the full one understands`() async throws {
        let record = Record.escalation(escalation([Self.german, Self.english]), of: id)
        let records = try await encoders(middle).handle([record])
        let outcome = try records.first?.outcome()
        #expect(labels(outcome) == ["full", "middle"] && outcome?.attempts.map(\.items) == [1])
        #expect(middle.calls.flatMap(\.texts) == [Self.english])
        #expect(try records.last?.shadow().items.map(\.index) == [1])
        // Nothing is saved on the one, and the middle model's attempt counts the other.
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.attempt.items) == [1] && rows.map(\.counterfactualCost) == rows.map(\.cost))
        #expect(rows.allSatisfy { $0.cost > .zero })
    }

    @Test func `a small endpoint is not asked about what only the full one understands`() async throws {
        let small = ScriptedModel("endpoint:little") { _, _ in .answers(.label("b"), .measured(0.95)) }
        let outcome = try await endpoints(small: small).handle(
            .escalation(escalation([Self.german, Self.english, Self.french]), of: id)
        ).first?.outcome()
        #expect(labels(outcome) == ["a", "b", "unsupported_language"])
        #expect(small.texts == [Self.english] && endpoint.texts == [Self.german])
    }

    /// The worker's attempt counts what it has read.
    @Test func `an item that the worker has passed on is counted by the full model's call`() async throws {
        let attempt = EscalationHandlerTests().workersAttempt
        var escalation = escalation([Self.german, Self.english], attempts: [attempt])
        escalation.open[1].guess = Answer(.label("a"), confidence: 0.5, decidedBy: .worker, model: "small@7")
        _ = try await endpoints().handle(.escalation(escalation, of: id))
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.counterfactualCost).sorted { $0 < $1 } == [.zero, ScriptedModel.cost])
        #expect(rows.map(\.guesses.known).sorted() == [0, 1])
    }

    /// The worker had another version of the catalog.
    @Test func `an item that a worker has read is answered by the full model, since its cost is counted`() async throws
    {
        var escalation = escalation([Self.french], attempts: [EscalationHandlerTests().workersAttempt])
        escalation.open[0].guess = Answer(.label("w"), confidence: 0.5, decidedBy: .worker, model: "small@7")
        let outcome = try await encoders(nil).handle([.escalation(escalation, of: id)]).first?.outcome()
        #expect(labels(outcome) == ["full"])
        #expect(try await store.ledger(of: id).map(\.counterfactualCost) == [.zero])
    }

    @Test func `without budget such an item has no answer, while others have their guesses`() async throws {
        try await store.setBudget(
            Budget(tenant: TenantID(rawValue: "acme"), period: .day, limit: PicoDollars(1), policy: .degrade))
        var escalation = escalation([Self.german, Self.english])
        escalation.open[1].guess = Answer(.label("w"), confidence: 0.5, decidedBy: .worker, model: "small@7")
        let outcome = try await encoders(nil).handle([.escalation(escalation, of: id)]).first?.outcome()
        #expect(labels(outcome) == ["unsupported_language", "w"])
        #expect(outcome?.answers.allSatisfy { $0?.isDegraded == true } == true)
    }
}
