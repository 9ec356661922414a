import BuiltInCatalog
import Contracts
import Inference
import MessageBus
import Models
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing
import WorkerKit

@testable import Escalator

/// The middle model is sure of texts that begin with `m`.
struct MiddleTierTests {
    static let clause = Route(.legalServices, "clause-type")
    static let tenant = TenantID(rawValue: "acme")

    let id = Request.ID.numbered(1)
    let store = InMemoryStore()
    let middle = ScriptedClassifier("middle", version: "3") { text, _ in
        .of(text, "middle of \(text)", text.hasPrefix("m") ? 0.95 : 0.6)
    }
    let full = ScriptedClassifier("full", version: "2") { text, _ in .of(text, "full of \(text)", 0.75) }
    let workersAttempt = Attempt(
        number: 1, kind: .worker, model: "small", version: "7", items: 3,
        usage: TokenUsage(inputTokens: 9, flops: 90), durationMicros: 5, startedAt: Timestamp(milliseconds: 7),
        counterfactual: TokenUsage(inputTokens: 9, flops: 900))
    let workersAnswer = Answer(.label("w"), confidence: 0.999, decidedBy: .worker, model: "small@7")

    /// The built-in catalog with a middle model on one route.
    static let catalog: LiveCatalog = {
        let capabilities = Catalog.builtIn.capabilities.map { capability in
            var capability = capability
            for index in capability.tasks.indices
            where Route(capability.name, capability.tasks[index].name) == clause {
                capability.tasks[index].models.middle = "middle"
            }
            return capability
        }
        return LiveCatalog(Catalog(capabilities))
    }()

    func guess(_ confidence: Double) -> Answer {
        Answer(.label("guess"), confidence: confidence, decidedBy: .worker, model: "small@7")
    }

    /// The worker has answered the item in the middle.
    func escalation(_ texts: (String, String) = ("mild", "hard"), attempts: [Attempt]? = nil) -> Escalation {
        Escalation(
            step: 3, route: Self.clause,
            open: [
                .init(index: 0, text: texts.0, guess: guess(0.5)), .init(index: 2, text: texts.1, guess: guess(0.5)),
            ], answers: [nil, workersAnswer, nil], attempts: attempts ?? [workersAttempt])
    }

    func tier(
        _ certificates: any Certificates = KnownCertificates(acceptThreshold: 0.9), draw: ShadowDraw = ShadowDraw(0),
        middle: ScriptedClassifier? = nil
    ) throws -> MiddleTier? {
        MiddleTier(
            service: "escalator", models: [Self.clause: middle ?? self.middle], certificates: certificates,
            counterfactual: try Tree.counterfactual(), draw: draw, metrics: Metrics())
    }

    func handle(_ record: Record, _ tier: MiddleTier?) async throws -> [OutgoingRecord] {
        try await EscalationHandler(
            service: "escalator", classifier: full, middle: tier, ledger: store, prices: PriceBook(store: store),
            catalog: Self.catalog
        ).handle([record])
    }

    func outcome(_ escalation: Escalation? = nil, _ tier: MiddleTier? = nil) async throws -> Outcome {
        let records = try await handle(.escalation(escalation ?? self.escalation(), of: id), tier ?? self.tier())
        return try #require(try records.first?.outcome())
    }

    @Test func `what the middle model is sure of is its answer, and the full model is asked about the rest`()
        async throws
    {
        let outcome = try await outcome()
        #expect(outcome.state == .answered)
        #expect(outcome.answers.map { $0?.label } == ["middle of mild", "w", "full of hard"])
        #expect(outcome.answers.map { $0?.decidedBy } == [.middle, .worker, .full])
        #expect(outcome.answers[0]?.model == "middle@3")
        #expect(middle.calls.map(\.texts) == [["mild", "hard"]] && full.calls.map(\.texts) == [["hard"]])
        #expect(outcome.attempts.map(\.kind) == [.worker, .middle] && outcome.attempts.map(\.number) == [1, 2])
        let attempt = outcome.attempts[1]
        #expect(attempt.items == 2 && attempt.state == .settled && attempt.usage.inputTokens == 8)
        // The worker's attempt counts what the full model alone would have cost.
        #expect(attempt.counterfactual == .zero)
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.attempt.kind) == [.full] && rows.map(\.attempt.number) == [3])
        #expect(rows.map(\.attempt.items) == [1] && rows.map(\.counterfactualCost) == [.zero])
    }

    @Test func `if the middle model is sure of all items, the full model is not asked`() async throws {
        let outcome = try await outcome(escalation(("mild", "meek")))
        #expect(outcome.answers.map { $0?.decidedBy } == [.middle, .worker, .middle])
        #expect(full.calls.isEmpty)
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test(arguments: [
        KnownCertificates(acceptThreshold: nil), KnownCertificates(acceptThreshold: 0.9, revokedTenant: tenant),
    ])
    func `without a valid certificate, also for the tenant alone, it is not computed`(certificates: KnownCertificates)
        async throws
    {
        let outcome = try await outcome(nil, tier(certificates))
        #expect(outcome.answers.map { $0?.decidedBy } == [.full, .worker, .full])
        #expect(outcome.attempts == [workersAttempt])
        #expect(middle.calls.isEmpty)
        // A later delivery may find a certificate, and its attempt is the second one.
        #expect(try await store.ledger(of: id).map(\.attempt.number) == [3])
    }

    @Test func `the confidence that counts is the certificate's, and not the model's own`() async throws {
        let outcome = try await outcome(nil, tier(KnownCertificates(acceptThreshold: 0.96)))
        #expect(outcome.answers.map { $0?.decidedBy } == [.full, .worker, .full])
        #expect(outcome.attempts.map(\.kind) == [.worker, .middle])
    }

    @Test func `a redelivery computes the same attempt, and pays nothing twice`() async throws {
        let first = try await outcome()
        let again = try await outcome()
        #expect(again.answers == first.answers)
        #expect(again.attempts.map(\.number) == first.attempts.map(\.number))
        #expect(full.calls.count == 1)
        #expect(try await store.ledger(of: id).count == 1)
    }

    @Test func `the guess of an open item is the better one`() async throws {
        for (confidence, expected) in [(0.5, "middle of hard"), (0.7, "guess")] {
            var escalation = escalation()
            escalation.open[1].guess = guess(confidence)
            try await store.setBudget(
                Budget(tenant: Self.tenant, period: .day, limit: .zero, policy: .degrade))
            try await store.registerPrices([
                Price(model: "full", inputToken: PicoDollars(10), outputToken: .zero, validFrom: .init(milliseconds: 0))
            ])
            let outcome = try await outcome(escalation)
            #expect(outcome.answers[2]?.label == expected && outcome.answers[2]?.isDegraded == true)
            // What the middle model was sure of is no guess.
            #expect(outcome.answers[0]?.label == "middle of mild" && outcome.answers[0]?.isDegraded == false)
        }
    }

    @Test func `if the middle model fails, the full model answers, and the failure is an attempt`() async throws {
        for error in [InferenceError(.compute, "no memory"), InferenceError(.invalidAnswer, "no label")] {
            let broken = ScriptedClassifier("middle", version: "3") { _, _ in throw error }
            let outcome = try await outcome(nil, tier(middle: broken))
            #expect(outcome.answers.map { $0?.decidedBy } == [.full, .worker, .full])
            #expect(outcome.attempts.map(\.state) == [.settled, .failed])
            #expect(outcome.attempts[1].error == error.code.rawValue && outcome.attempts[1].usage == .zero)
        }
    }

    @Test func `where no worker has answered, each item is counted by the model that answers it`() async throws {
        var lost = workersAttempt
        lost.state = .failed
        try await store.registerPrices([EscalationHandlerTests.price])
        let outcome = try await outcome(escalation(attempts: [lost]))
        // One of two texts of four characters each; the full model's row counts the other.
        #expect(outcome.attempts[1].counterfactual.inputTokens == 4)
        let row = try #require(try await store.ledger(of: id).first)
        #expect(row.attempt.counterfactual == row.attempt.usage && row.attempt.usage.inputTokens == 4)
    }

    @Test func `accepted answers are drawn for comparison under the certificate of their own model`() async throws {
        let records = try await handle(.escalation(escalation(), of: id), tier(draw: ShadowDraw(1)))
        #expect(records.map(\.topic) == [Topic.outcomes(.interactive), Topic.shadows])
        let shadow = try #require(try records.last?.shadow())
        #expect(shadow.items.map(\.index) == [0] && shadow.items.map(\.text) == ["mild"])
        #expect(shadow.smallModel == "middle@3" && shadow.probability == 1)
        #expect(shadow.certificate == Certificate.of(Self.clause).id)
        #expect(try records.last?.event().id == "\(id)/3/middle-shadow")
    }

    @Test func `the samples of two tiers of one step are both compared`() async throws {
        let shadows = [(1, "small@7", "first"), (2, "middle@3", "second")].map { number, model, text in
            Shadow(
                step: 3, route: Self.clause,
                items: [.init(index: number, text: text, output: .label("x"), confidence: 0.95)], smallModel: model,
                certificate: Certificate.of(Self.clause, id: UInt64(number)).id, probability: 1,
                decidedAt: Timestamp(milliseconds: 1))
        }
        let handler = ShadowHandler(
            service: "escalator.bulk", classifier: full, register: store, prices: PriceBook(store: store),
            catalog: Self.catalog)
        _ = try await handler.handle(shadows.map { .shadow($0, of: id) })
        #expect(Set(full.calls.flatMap(\.texts)) == ["first", "second"])
        // The numbers below are those of attempts that the outcome carries.
        #expect(try await store.ledger(of: id).map(\.attempt.number) == [3, 4])
    }

    @Test func `before an endpoint, too, the middle model answers what it is sure of`() async throws {
        let model = ScriptedModel { text, _ in .answers(.label("endpoint of \(text)")) }
        let endpoint = FullEndpoint(
            model: model, route: Self.clause, question: EndpointEscalationTests.question, comparator: .exact,
            itemsPerCall: 1, places: FullEndpoint.Places(4))
        let handler = EndpointEscalations(
            service: "escalator", endpoints: [Self.clause: endpoint],
            encoders: EndpointEscalationTests.encoders(store, middle: try tier(draw: ShadowDraw(1))),
            ledger: EndpointLedger(store), catalog: Self.catalog, cancellations: NoCancellations(), metrics: Metrics())
        let records = try await handler.handle(.escalation(escalation(), of: id))
        let outcome = try #require(try records.first?.outcome())
        #expect(outcome.answers.map { $0?.label } == ["middle of mild", "w", "endpoint of hard"])
        #expect(outcome.attempts.map(\.kind) == [.worker, .middle])
        #expect(model.texts == ["hard"])
        #expect(try records.last?.shadow().items.map(\.text) == ["mild"])
        #expect(try await store.ledger(of: id).map(\.attempt.number) == [3])
        let other = Request.ID.numbered(2)
        let all = try await handler.handle(.escalation(escalation(("mild", "meek")), of: other))
        #expect(try all.first?.outcome().answers.map { $0?.decidedBy } == [.middle, .worker, .middle])
        #expect(try await store.ledger(of: other).isEmpty)
    }
}
