import BuiltInCatalog
import Contracts
import Delivery
import Inference
import MessageBus
import Models
import Store
import StoreTesting
import Synchronization
import Telemetry
import TestKit
import Testing
import WorkerKit

@testable import Escalator

/// The small endpoint is sure of texts that begin with `s`, and says `a` to everything.
struct SmallEndpointTests {
    static let clause = EndpointEscalationTests.clause
    static let tenant = TenantID(rawValue: "acme")

    let id = Request.ID.numbered(1)
    let store = InMemoryStore()
    let small = ScriptedModel("endpoint:little") { text, _ in
        .answers(.label("a"), text.hasPrefix("s") ? .measured(0.95) : .sampled(agreeing: 3, of: 5))
    }
    let encoder = ScriptedClassifier("full", version: "2") { text, _ in .of(text, "full of \(text)", 0.75) }

    /// The step comes from the aggregator, since the task has no worker.
    let escalation = Escalation(
        step: 3, route: clause, open: [.init(index: 0, text: "sure"), .init(index: 1, text: "unsure")],
        answers: [nil, nil], attempts: [])

    static func endpoint(_ model: any Model, itemsPerCall: Int = 1) -> FullEndpoint {
        FullEndpoint(
            model: model, route: clause, question: EndpointEscalationTests.question, comparator: .exact,
            itemsPerCall: itemsPerCall, places: FullEndpoint.Places(4))
    }

    /// Certificates of the small endpoint, without regard to what stands.
    private struct Known: Certificates {
        var threshold: Double? = 0.9
        var revokedTenant: TenantID?
        let small: ModelIdentity

        func prepare() async {}

        func certificate(_ route: Route, for tenant: TenantID) -> Certificate? {
            tenant == revokedTenant
                ? nil : threshold.map { .of(route, small: small.description, acceptThreshold: $0) }
        }
    }

    /// - Parameters:
    ///   - model: the small endpoint.
    ///   - full: an endpoint as the full model; otherwise an encoder is.
    private func handler(
        _ model: ScriptedModel? = nil, full: ScriptedModel? = nil, encoder: ScriptedClassifier? = nil,
        threshold: Double? = 0.9, revokedTenant: TenantID? = nil, draw: ShadowDraw = ShadowDraw(0),
        middle: MiddleTier? = nil, itemsPerCall: Int = 1
    ) async throws -> EndpointEscalations {
        try await store.registerPrices([
            Price(model: "full", inputToken: PicoDollars(10), outputToken: .zero, validFrom: .init(milliseconds: 0))
        ])
        let endpoint = Self.endpoint(model ?? small, itemsPerCall: itemsPerCall)
        let (ledger, prices) = (EndpointLedger(store), PriceBook(store: store))
        return EndpointEscalations(
            service: "escalator", endpoints: full.map { [Self.clause: Self.endpoint($0)] } ?? [:],
            small: SmallEndpoints(
                service: "escalator", endpoints: [Self.clause: endpoint],
                certificates: Known(threshold: threshold, revokedTenant: revokedTenant, small: endpoint.identity),
                counterfactual: try Tree.counterfactual(), draw: draw, metrics: Metrics(), ledger: ledger,
                prices: prices, catalog: .builtIn),
            encoders: EscalationHandler(
                service: "escalator", classifier: encoder ?? self.encoder, middle: middle, ledger: store,
                prices: prices, catalog: .builtIn), ledger: ledger, catalog: .builtIn,
            cancellations: NoCancellations(), metrics: Metrics())
    }

    private func outcome(_ handler: EndpointEscalations, _ escalation: Escalation? = nil) async throws -> Outcome {
        let records = try await handler.handle(.escalation(escalation ?? self.escalation, of: id))
        return try #require(try records.first?.outcome())
    }

    private func rows() async throws -> [String] {
        try await store.ledger(of: id).map { "\($0.attempt.number) \($0.attempt.kind) \($0.attempt.state)" }
    }

    @Test func `what the small endpoint is sure of stays, and the full model is asked about the rest`() async throws {
        let outcome = try await outcome(handler())
        #expect(outcome.state == .answered && outcome.attempts.isEmpty)
        #expect(outcome.answers.map { $0?.label } == ["a", "full of unsure"])
        #expect(outcome.answers.map { $0?.decidedBy } == [.worker, .full])
        #expect(outcome.answers[0]?.model == Self.endpoint(small).identity.description)
        #expect(small.texts.sorted() == ["sure", "unsure"] && encoder.calls.map(\.texts) == [["unsure"]])
        #expect(try await rows() == ["2 worker settled", "3 worker settled", "4 full settled"])
        let ledger = try await store.ledger(of: id)
        #expect(ledger.map(\.cost) == [PicoDollars(60), PicoDollars(60), PicoDollars(60)])
        // Four bytes are a token of the one text, and the full model counts its own.
        #expect(ledger.map(\.attempt.counterfactual.inputTokens) == [1, 0, 6])
        #expect(ledger.map(\.counterfactualCost.amount) == [10, 0, 60])
        #expect(ledger[2].guesses == .init(known: 1, agreed: 0))
    }

    @Test func `a text counts if the certificate is about all texts, and none does otherwise`() async throws {
        let writing = ScriptedModel { text, _ in .answers(.text("about \(text)")) }
        let all = try await outcome(handler(writing, threshold: Certificate.confidenceOfTexts))
        #expect(all.answers.map { $0?.decidedBy } == [.worker, .worker])
        #expect(all.answers[0]?.output == .text("about sure"))
        let none = try await outcome(handler(writing, threshold: 0.6))
        #expect(none.answers.map { $0?.decidedBy } == [.full, .full])
    }

    @Test func `an endpoint may be the full model, too, and its answers are not those of the small one`() async throws {
        let full = ScriptedModel { _, _ in .answers(.label("b")) }
        // Unsure of everything, so both are asked the same.
        let outcome = try await outcome(handler(full: full, threshold: 0.99))
        #expect(outcome.answers.map { $0?.label } == ["b", "b"])
        #expect(outcome.answers.map { $0?.decidedBy } == [.full, .full])
        #expect(full.texts.sorted() == ["sure", "unsure"] && small.texts.count == 2)
        #expect(try await rows().map { $0.split(separator: " ")[1] } == ["worker", "worker", "full", "full"])
        let again = try await self.outcome(handler(full: full, threshold: 0.99))
        #expect(again == outcome && full.texts.count == 2 && small.texts.count == 2)
    }

    @Test func `a redelivery after the last settlement pays nothing twice, and counts nothing twice`() async throws {
        let first = try await outcome(handler())
        let ledger = try await store.ledger(of: id)
        let again = try await outcome(handler())
        #expect(again == first)
        #expect(small.texts.count == 2 && encoder.calls.count == 1)
        #expect(try await store.ledger(of: id) == ledger)
    }

    @Test func `a crash before the full model has answered asks the small endpoint nothing again`() async throws {
        let dying = ScriptedClassifier("full", version: "2") { _, _ in throw CancellationError() }
        let record = Record.escalation(escalation, of: id)
        await #expect(throws: CancellationError.self) { try await handler(encoder: dying).handle(record) }
        // Nothing is saved by a step that is not answered yet.
        #expect(try await store.ledger(of: id).map(\.counterfactualCost) == [.zero, .zero, .zero])
        let outcome = try await outcome(handler())
        #expect(outcome.answers.map { $0?.decidedBy } == [.worker, .full])
        #expect(small.texts.count == 2)
        #expect(
            try await rows() == ["2 worker settled", "3 worker settled", "4 full unknown", "5 full settled"])
        #expect(try await store.ledger(of: id).map(\.counterfactualCost.amount) == [10, 0, 0, 60])
    }

    @Test func `a step that fails saves nothing, although a part of it was answered`() async throws {
        let full = ScriptedModel { _, _ in .error(ModelError(.refused, "no", isRetriable: false)) }
        #expect(try await outcome(handler(full: full)).state == .failed)
        let ledger = try await store.ledger(of: id)
        #expect(ledger.map(\.attempt.kind) == [.worker, .worker, .full])
        #expect(ledger.allSatisfy { $0.counterfactualCost == .zero })
    }

    @Test(arguments: [Evidence.selfReported(1), .none, .measured(0.89), .sampled(agreeing: 4, of: 5)])
    func `what is self-reported, without evidence or below the threshold is never accepted`(evidence: Evidence)
        async throws
    {
        let model = ScriptedModel("endpoint:little") { _, _ in .answers(.label("a"), evidence) }
        let outcome = try await outcome(handler(model))
        #expect(outcome.answers.map { $0?.decidedBy } == [.full, .full])
    }

    @Test(arguments: [Evidence.measured(0.9), .sampled(agreeing: 5, of: 5)])
    func `what is measured or sampled and reaches the threshold is accepted`(evidence: Evidence) async throws {
        let model = ScriptedModel("endpoint:little") { _, _ in .answers(.label("a"), evidence) }
        let outcome = try await outcome(handler(model))
        #expect(outcome.answers.map { $0?.decidedBy } == [.worker, .worker])
        #expect(encoder.calls.isEmpty)
    }

    @Test func `the answer of a fallback is not covered by the certificate`() async throws {
        let other = ModelIdentity(name: "endpoint:other", version: "1")
        let model = ScriptedModel("endpoint:little") { _, _ in .answers(.label("a"), .measured(1), by: other) }
        #expect(try await outcome(handler(model)).answers.map { $0?.decidedBy } == [.full, .full])
    }

    @Test func `without a valid certificate, also for the tenant alone, it is not asked`() async throws {
        for handler in [try await handler(threshold: nil), try await handler(revokedTenant: Self.tenant)] {
            #expect(try await outcome(handler).answers.map { $0?.decidedBy } == [.full, .full])
        }
        #expect(small.texts.isEmpty)
    }

    @Test func `a step that a worker was asked about is not asked again`() async throws {
        var escalation = escalation
        escalation.attempts = [
            Attempt(
                number: 1, kind: .worker, model: "small", version: "7", items: 2, usage: .zero, durationMicros: 1,
                startedAt: Timestamp(milliseconds: 7))
        ]
        #expect(try await outcome(handler(), escalation).answers.map { $0?.decidedBy } == [.full, .full])
        #expect(small.texts.isEmpty)
    }

    @Test func `if the small endpoint fails, the full model answers, and what the tries cost is kept`() async throws {
        for error in [
            ModelError(.circuitOpen, "open", isRetriable: true, isDependencyUnavailable: true),
            ModelError(.refused, "no", isRetriable: false),
        ] {
            let model = ScriptedModel("endpoint:little") { _, number in
                number == 1 ? .broken(.serverError, .unknown) : .error(error)
            }
            #expect(try await outcome(handler(model)).answers.map { $0?.decidedBy } == [.full, .full])
        }
        #expect(try await store.ledger(of: id).contains { $0.attempt.kind == .worker && $0.cost > .zero })
    }

    @Test func `budgets limit the full model and not the small one, whose answer may be a guess`() async throws {
        try await store.setBudget(Budget(tenant: Self.tenant, period: .day, limit: .zero, policy: .degrade))
        let outcome = try await outcome(handler())
        #expect(outcome.answers.map { $0?.label } == ["a", "a"])
        #expect(outcome.answers.map { $0?.isDegraded } == [false, true])
        #expect(try await rows() == ["2 worker settled", "3 worker settled"])
        // The degraded answer saves nothing.
        #expect(try await store.ledger(of: id).map(\.counterfactualCost.amount) == [10, 0])
    }

    @Test func `accepted answers are drawn for comparison under the endpoint's certificate`() async throws {
        let records = try await handler(draw: ShadowDraw(1)).handle(.escalation(escalation, of: id))
        let shadow = try #require(try records.last?.shadow())
        #expect(records.count == 2 && shadow.items.map(\.text) == ["sure"])
        #expect(shadow.smallModel == Self.endpoint(small).identity.description)
        #expect(shadow.items.map(\.output) == [.label("a")] && shadow.items.map(\.confidence) == [0.95])
    }

    @Test func `a middle model answers between both, and each item is counted once`() async throws {
        let middle = ScriptedClassifier("middle", version: "3") { text, _ in
            .of(text, "middle of \(text)", text == "mild" ? 0.95 : 0.5)
        }
        let tier = MiddleTier(
            service: "escalator", models: [Self.clause: middle],
            certificates: KnownCertificates(acceptThreshold: 0.9), counterfactual: try Tree.counterfactual(),
            draw: ShadowDraw(0), metrics: Metrics())
        var escalation = escalation
        escalation.open.append(.init(index: 2, text: "mild"))
        escalation.answers.append(nil)
        let outcome = try await outcome(handler(middle: tier), escalation)
        #expect(outcome.answers.map { $0?.decidedBy } == [.worker, .full, .middle])
        #expect(middle.calls.map(\.texts) == [["unsure", "mild"]] && encoder.calls.map(\.texts) == [["unsure"]])
        #expect(outcome.attempts.map(\.kind) == [.middle])
        #expect(outcome.attempts.first?.counterfactual.inputTokens == 4)
        let counted = try await store.ledger(of: id).map(\.attempt.counterfactual.inputTokens)
        #expect(counted.filter { $0 > 0 } == [1, 6])
    }

    @Test func `a step that is over is not asked about`() async throws {
        let records = try await handler().handle(
            .escalation(escalation, of: id, expiry: Timestamp(milliseconds: 1)))
        #expect(try records.first?.outcome().state == .expired)
        #expect(small.texts.isEmpty && encoder.calls.isEmpty)
    }
}
