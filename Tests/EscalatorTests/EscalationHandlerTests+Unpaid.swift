import Contracts
import Delivery
import Inference
import MessageBus
import Store
import StoreTesting
import TestKit
import Testing

@testable import Escalator

/// Cases without a paid call: a spent budget, a step that nobody waits for, and an answer that was paid before.
extension EscalationHandlerTests {
    private func spent(_ policy: Budget.Policy, _ escalation: Escalation? = nil) async throws -> [OutgoingRecord] {
        try await store.setBudget(
            Budget(tenant: TenantID(rawValue: "acme"), period: .day, limit: PicoDollars(109), policy: policy))
        let model = Self.full()
        let records = try await handle([.escalation(escalation ?? guessed, of: id)], model: model)
        #expect(model.calls.isEmpty)
        #expect(try await store.ledger(of: id).isEmpty)
        return records
    }

    /// Includes the worker's guesses.
    var guessed: Escalation {
        var escalation = escalation()
        for index in escalation.open.indices {
            escalation.open[index].guess = Answer(
                label: "guess \(index)", confidence: 0.5, decidedBy: .worker, model: "small@7")
        }
        return escalation
    }

    @Test func `without budget the worker's answer is given, marked as degraded, and its cost passed on`() async throws
    {
        let outcome = try #require(try await spent(.degrade).first?.outcome())
        var guesses = guessed.open.map(\.guess)
        for index in guesses.indices { guesses[index]?.isDegraded = true }
        #expect(outcome.state == .answered)
        #expect(outcome.answers == [guesses[0], workersAnswer, guesses[1]])
        #expect(outcome.attempts == [workersAttempt])
    }

    @Test func `what the worker could not answer fails without budget, and what could not be routed has no route`()
        async throws
    {
        #expect(try await spent(.degrade, escalation()).map { try $0.outcome().state } == [.failed])
        let guess = Answer(label: "legal-services/clause-type", confidence: 0.4, decidedBy: .worker, model: "router@3")
        let routing = Escalation(
            step: 0, route: .decomposition,
            open: [.init(index: 0, text: String(repeating: "a", count: 20), guess: guess)], answers: [nil], attempts: []
        )
        let answer = try #require(try await spent(.degrade, routing).first?.outcome().answers.first ?? nil)
        #expect(answer.label == Answer.noRoute && answer.isDegraded && answer.decidedBy == .worker)
    }

    @Test func `a policy of waiting answers nothing, and one of failing says why`() async throws {
        #expect(try await spent(.queue).isEmpty)
        let outcome = try #require(try await spent(.fail).first?.outcome())
        #expect(outcome.state == .failed)
        #expect(outcome.error == "the tenant's budget for escalations is exhausted")
        #expect(outcome.attempts == [workersAttempt])
    }

    @Test func `a step past its deadline costs no call and passes the worker's cost on`() async throws {
        let model = Self.full()
        let records = try await handle(
            [.escalation(escalation(), of: id, expiry: Timestamp(milliseconds: 1))], model: model)
        let outcome = try #require(try records.first?.outcome())
        #expect(outcome.state == .expired)
        #expect(outcome.attempts == [workersAttempt])
        #expect(model.calls.isEmpty)
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test func `a step of a cancelled request costs no call and passes the worker's cost on`() async throws {
        let model = Self.full()
        let unpaid = Escalation(
            step: 0, route: .decomposition, open: [.init(index: 0, text: "a")], answers: [nil], attempts: [])
        let records = try await handle(
            [.escalation(escalation(), of: id), .escalation(unpaid, of: id)], model: model,
            cancellations: KnownCancellations(id))
        #expect(try records.map { try $0.outcome().attempts } == [[workersAttempt]])
        #expect(model.calls.isEmpty)
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test func `a task that the full model does not know fails and passes the worker's cost on`() async throws {
        let records = try await handle([.escalation(escalation(route: Route(.legalServices, "poetry")), of: id)])
        let outcome = try #require(try records.first?.outcome())
        #expect(outcome.state == .failed)
        #expect(outcome.attempts == [workersAttempt])
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test func `a step asked for again gets its answer again and is not paid for twice`() async throws {
        try await store.registerPrices([Self.price])
        let model = Self.full()
        let handler = EscalationHandler(
            service: "escalator", classifier: model, ledger: store, prices: PriceBook(store: store))
        let record = Record.escalation(escalation(), of: id)
        let first = try await handler.handle([record, record])
        #expect(try first.map { try $0.outcome().answers } == [[answer("first"), workersAnswer, answer("ab")]])
        #expect(try await handler.handle([record]) == first)
        #expect(model.calls.count == 1)
        #expect(try await store.ledger(of: id).count == 1)
        // Other items of the same step need a separate call.
        var other = escalation()
        other.open = [.init(index: 0, text: "other")]
        _ = try await handler.handle([.escalation(other, of: id)])
        #expect(model.calls.count == 2)
    }

    @Test func `a copy of a bulk step is not paid for twice, however many requests are in progress`() async throws {
        try await store.registerPrices([Self.price])
        let model = Self.full()
        let handler = EscalationHandler(
            service: "escalator", classifier: model, ledger: store, prices: PriceBook(store: store), gate: LaneGate())
        // WINNOW_BULK_WINDOW requests, each with one escalated step.
        let records = (1...256).map { Record.escalation(escalation(), of: .numbered($0)) }
        _ = try await handler.handle(records)
        let calls = model.calls.count
        #expect(try await handler.handle(records).count == 256)
        #expect(model.calls.count == calls)
        #expect(try await store.ledger(of: id).count == 1)
    }

    @Test func `what was answered long ago is forgotten`() {
        let recent = RecentOutcomes(capacity: 2)
        let open = [Escalation.OpenItem(index: 0, text: "a")]
        let steps = (0..<4).map { Step.ID(request: id, ordinal: $0) }
        let said = [Prediction(label: "a", confidence: 1, isSure: true, inputTokens: 3, flops: 1)]
        for step in steps { recent.remember(said, for: open, of: step) }
        #expect(steps.map { recent.predictions(for: open, of: $0) } == [nil, nil, said, said])
    }
}
