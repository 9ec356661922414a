import BuiltInCatalog
import Contracts
import Crypto
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
                .label("guess \(index)"), confidence: 0.5, decidedBy: .worker, model: "small@7")
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
        let guess = Answer(.label("legal-services/clause-type"), confidence: 0.4, decidedBy: .worker, model: "router@3")
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

    @Test func `a copy of a step gets the same answer and is not paid for twice, also by another process`() async throws
    {
        try await store.registerPrices([Self.price])
        let model = Self.full()
        func handler() -> EscalationHandler {
            EscalationHandler(
                service: "escalator", classifier: model, ledger: store, prices: PriceBook(store: store),
                catalog: .builtIn)
        }
        let record = Record.escalation(escalation(), of: id)
        let first = try await handler().handle([record])
        #expect(try first.map { try $0.outcome().answers } == [[answer("first"), workersAnswer, answer("ab")]])
        #expect(try await handler().handle([record, record]) == first + first)
        #expect(model.calls.count == 1)
        #expect(try await store.ledger(of: id).count == 1)
    }

    @Test func `a copy carries the worker's attempts of its own`() async throws {
        var again = escalation()
        again.attempts[0].startedAt = Timestamp(milliseconds: 8)
        let records = try await handle([.escalation(escalation(), of: id), .escalation(again, of: id)])
        #expect(try records.map { try $0.outcome().attempts } == [[workersAttempt], again.attempts])
        #expect(try await store.ledger(of: id).count == 1)
    }

    @Test func `other items of the same step are another question`() async throws {
        let model = Self.full()
        var other = escalation()
        other.open = [.init(index: 0, text: "ab"), .init(index: 2, text: "first")]
        for question in [escalation(), other] { _ = try await handle([.escalation(question, of: id)], model: model) }
        #expect(model.calls.count == 2)
        #expect(try await store.ledger(of: id).count == 2)
    }

    @Test func `the same item in another context is another question`() async throws {
        let model = Self.full()
        let contexts = [
            nil, ItemContext(before: "", after: ""), ItemContext(before: "a", after: "b"),
            ItemContext(before: "ab", after: ""), ItemContext(before: "a", after: "b", request: ""),
            ItemContext(before: "a", after: "b", request: "c"),
        ]
        for context in contexts + contexts {
            var question = escalation(route: .decomposition)
            question.open[0].context = context
            let records = try await handle([.escalation(question, of: id)], model: model)
            #expect(try records.map { try $0.outcome().state } == [.answered])
        }
        #expect(model.calls.count == contexts.count)
        #expect(try await store.ledger(of: id).count == contexts.count)
    }

    @Test func `a question without contexts has the digest that earlier versions kept answers under`() {
        let digest = QuestionDigest([.init(index: 1, text: "ab"), .init(index: 2, text: "")])
        var bytes: [UInt8] = []
        for (index, text) in [(UInt8(1), "ab"), (2, "")] {
            bytes += [0, 0, 0, 0, 0, 0, 0, index, 0, 0, 0, 0, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8)
        }
        #expect(digest == QuestionDigest(bytes.withUnsafeBytes { SHA256.bytes($0) }))
    }

    @Test func `a copy of a step whose call failed is asked again`() async throws {
        let failing = ScriptedClassifier("full", version: "2") { _, _ in
            throw InferenceError(.invalidAnswer, "no prediction")
        }
        _ = try await handle([.escalation(escalation(), of: id)], model: failing)
        let outcome = try #require(try await handle([.escalation(escalation(), of: id)]).first?.outcome())
        #expect(outcome.answers == [answer("first"), workersAnswer, answer("ab")])
        #expect(try await store.ledger(of: id).map(\.attempt.state) == [.failed, .settled])
    }

    @Test func `a copy of a step is answered when the budget is used up`() async throws {
        let record = Record.escalation(escalation(), of: id)
        let first = try await handle([record])
        try await store.setBudget(
            Budget(tenant: TenantID(rawValue: "acme"), period: .month, limit: .zero, policy: .fail))
        #expect(try await handle([record]) == first)
    }
}
