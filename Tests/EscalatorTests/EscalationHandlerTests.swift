import BuiltInCatalog
import Contracts
import Inference
import MessageBus
import Store
import StoreTesting
import Synchronization
import TestKit
import Testing
import WorkerKit

@testable import Escalator

struct EscalationHandlerTests {
    static let clause = Route(.legalServices, "clause-type")
    static let price = Price(
        model: "full", inputToken: PicoDollars(10), outputToken: .zero, validFrom: Timestamp(milliseconds: 0))

    let id = Request.ID.numbered(1)
    let store = InMemoryStore()
    let workersAttempt = Attempt(
        number: 1, kind: .worker, model: "small", version: "7", items: 3,
        usage: TokenUsage(inputTokens: 9, flops: 90), durationMicros: 5, startedAt: Timestamp(milliseconds: 7),
        counterfactual: TokenUsage(inputTokens: 9, flops: 900))
    let workersAnswer = Answer(.label("w"), confidence: 0.999, decidedBy: .worker, model: "small@7")

    func escalation(step: Int = 3, route: Route = clause) -> Escalation {
        Escalation(
            step: step, route: route, open: [.init(index: 0, text: "first"), .init(index: 2, text: "ab")],
            answers: [nil, workersAnswer, nil], attempts: [workersAttempt])
    }

    func handle(
        _ records: [Record], ledger: (any AttemptLedger)? = nil, model: ScriptedClassifier = full(),
        cancellations: any Cancellations = NoCancellations()
    ) async throws -> [OutgoingRecord] {
        try await store.registerPrices([Self.price])
        let handler = EscalationHandler(
            service: "escalator", classifier: model, ledger: ledger ?? store, prices: PriceBook(store: store),
            catalog: .builtIn,
            cancellations: cancellations)
        return try await handler.handle(records)
    }

    static func full() -> ScriptedClassifier {
        ScriptedClassifier("full", version: "2", routes: Catalog.builtIn.routes + [.decomposition]) { text, _ in
            .of(text, "label of \(text)", 0.75, isSure: false)
        }
    }

    func answer(_ text: String) -> Answer {
        Answer(.label("label of \(text)"), confidence: 0.75, decidedBy: .full, model: "full@2")
    }

    @Test func `the open items are answered and merged with what the worker knew`() async throws {
        let model = Self.full()
        let records = try await handle([.escalation(escalation(), of: id)], model: model)
        #expect(records.map(\.topic) == [Topic.outcomes(.interactive)])
        #expect(try records.first?.event().id == "\(id)/3/outcome")
        #expect(
            try records.first?.outcome()
                == Outcome(
                    step: 3, route: Self.clause, state: .answered,
                    answers: [answer("first"), workersAnswer, answer("ab")], attempts: [workersAttempt]))
        #expect(model.calls == [.init(texts: ["first", "ab"], route: Self.clause)])
    }

    @Test func `the model is told what stands around an item, and this is reserved too`() async throws {
        let context = ItemContext(before: "Please:", after: "", request: "Do")
        var routing = escalation(route: .decomposition)
        routing.open[1].context = context
        let dying = ScriptedClassifier("full", version: "2", routes: [.decomposition]) { _, _ in
            throw CancellationError()
        }
        await #expect(throws: CancellationError.self) {
            try await handle([.escalation(routing, of: id)], model: dying)
        }
        #expect(dying.calls == [.init(texts: ["first", "ab"], route: .decomposition, contexts: [nil, context])])
        // The tokens of both texts as without, and one for each byte of the context.
        #expect(try await store.ledger(of: id).map(\.attempt.usage.inputTokens) == [11 + 9])
    }

    @Test func `the answer to a text that is cut, or that the model was not made for, says so`() async throws {
        let cutting = ScriptedClassifier("full", version: "2") { text, _ in
            var prediction = Prediction.of(text, "x")
            prediction.isTruncated = text == "ab"
            prediction.isUnfamiliar = text == "ab"
            return prediction
        }
        let outcome = try #require(
            try await handle([.escalation(escalation(), of: id)], model: cutting).first?.outcome())
        #expect(outcome.answers.map { $0?.isTruncated } == [false, false, true])
        #expect(outcome.answers.map { $0?.isUnfamiliar } == [false, false, true])
    }

    @Test func `a call is in the ledger before it is made, and settled after`() async throws {
        let journal = Mutex<[String]>([])
        let model = ScriptedClassifier("full", version: "2") { text, _ in
            journal.withLock { $0.append("called") }
            return .of(text, "x")
        }
        let ledger = WatchedLedger(ledger: store) { event in journal.withLock { $0.append(event) } }
        _ = try await handle([.escalation(escalation(), of: id)], ledger: ledger, model: model)
        #expect(journal.withLock(\.self) == ["start started", "called", "called", "settle settled"])
    }

    @Test func `a settled row holds what was consumed and what it cost`() async throws {
        _ = try await handle([.escalation(escalation(), of: id)])
        let rows = try await store.ledger(of: id)
        let row = try #require(rows.first)
        #expect(rows.count == 1)
        #expect(row.step == Step.ID(request: id, ordinal: 3))
        #expect(row.tenant == TenantID(rawValue: "acme"))
        #expect(row.route == Self.clause)
        #expect(row.attempt.number == 2)
        #expect(row.attempt.kind == .full)
        #expect(row.attempt.state == .settled)
        #expect(row.attempt.items == 2)
        #expect(row.attempt.usage == TokenUsage(inputTokens: 7, flops: 7000))
        #expect(row.cost == PicoDollars(70))
        // The worker's row has the counterfactual cost of these items.
        #expect(row.counterfactualCost == .zero)
    }

    @Test func `a call that is started again leaves the first one unknown at its reserved price`() async throws {
        let dying = ScriptedClassifier("full", version: "2") { _, _ in throw CancellationError() }
        await #expect(throws: CancellationError.self) {
            try await handle([.escalation(escalation(), of: id)], model: dying)
        }
        _ = try await handle([.escalation(escalation(), of: id)])
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.attempt.number) == [2, 3])
        #expect(rows.map(\.attempt.state) == [.unknown, .settled])
        // Five and two characters, and two marker tokens each.
        #expect(rows.map(\.cost) == [PicoDollars(110), PicoDollars(70)])
    }

    @Test func `a call is priced and counted at the ledger's instant, whatever the clock here says`() async throws {
        let instant = Timestamp(milliseconds: 1_790_000_000_000)
        let store = InMemoryStore { instant }
        var later = Self.price
        (later.inputToken, later.validFrom) = (PicoDollars(1000), instant.adding(milliseconds: 1))
        try await store.registerPrices([Self.price, later])
        let handler = EscalationHandler(
            service: "escalator", classifier: Self.full(), ledger: store, prices: PriceBook(store: store),
            catalog: .builtIn)
        _ = try await handler.handle([.escalation(escalation(), of: id)])
        let row = try #require(try await store.ledger(of: id).first)
        #expect(row.attempt.startedAt == instant && row.cost == PicoDollars(70))
    }

    @Test func `a price that is too high for a call makes its record a dead letter, and the process lives on`()
        async throws
    {
        try await store.registerPrices([
            Price(
                model: "full", inputToken: PicoDollars(.max), outputToken: .zero, validFrom: Timestamp(milliseconds: 0))
        ])
        await #expect(throws: ContractError.self) { try await handle([.escalation(escalation(), of: id)]) }
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test func `a text that the model cannot answer fails its own step, and its row keeps the reserved price`()
        async throws
    {
        let picky = ScriptedClassifier("full", version: "2") { text, _ in
            guard text != "poison" else { throw InferenceError(.invalidAnswer, "the model gave no label") }
            return .of(text, "label of \(text)", 0.75)
        }
        let others = (2..<33).map { Request.ID.numbered(UInt64($0)) }
        var poisoned = escalation()
        poisoned.open[1].text = "poison"
        let records = try await handle(
            [.escalation(poisoned, of: id)] + others.map { .escalation(escalation(), of: $0) }, model: picky)
        let outcomes = try records.map { try $0.outcome() }
        #expect(outcomes.map(\.state) == [.failed] + others.map { _ in .answered })
        #expect(outcomes.first?.error == "the model gave no label")
        #expect(outcomes.first?.attempts == [workersAttempt])
        let row = try #require(try await store.ledger(of: id).first)
        #expect(row.attempt.state == .failed)
        #expect(row.attempt.error == "invalid_answer")
        #expect(row.cost == PicoDollars(150))
        for other in others { #expect(try await store.ledger(of: other).map(\.attempt.state) == [.settled]) }
    }

    @Test func `a fault that may pass fails no step and costs nothing, and the next call answers`() async throws {
        let faults = Mutex(1)
        let model = ScriptedClassifier("full", version: "2") { text, _ in
            let isIll = faults.withLock { faults in
                defer { faults = 0 }
                return faults > 0
            }
            guard !isIll else { throw InferenceError(.compute, "no memory") }
            return .of(text, "label of \(text)", 0.75)
        }
        let batch = [Record.escalation(escalation(), of: id), .escalation(escalation(), of: .numbered(2))]
        let error = await #expect(throws: InferenceError.self) { try await handle(batch, model: model) }
        #expect(error?.isRetriable == true)
        let failed = try await store.ledger(of: id)
        #expect(failed.map(\.attempt.state) == [.failed])
        #expect(failed.map(\.cost) == [.zero] && failed.map(\.attempt.usage) == [.zero])
        let records = try await handle(batch, model: model)
        #expect(try records.map { try $0.outcome().state } == [.answered, .answered])
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.attempt.state) == [.failed, .settled])
        #expect(rows.map(\.cost) == [.zero, PicoDollars(70)])
    }

    @Test func `how often the worker would have said the same is in the row`() async throws {
        var escalation = guessed
        escalation.open[0].guess?.output = .label("label of first")
        _ = try await handle([.escalation(escalation, of: id)])
        #expect(try await store.ledger(of: id).map(\.guesses) == [.init(known: 2, agreed: 1)])
        let other = Request.ID.numbered(2)
        _ = try await handle([.escalation(self.escalation(), of: other)])
        #expect(try await store.ledger(of: other).map(\.guesses) == [.init()])
        // The router's guesses count too.
        let third = Request.ID.numbered(3)
        escalation.route = .decomposition
        _ = try await handle([.escalation(escalation, of: third)])
        #expect(try await store.ledger(of: third).map(\.guesses) == [.init(known: 2, agreed: 1)])
    }

    @Test func `where the worker could not compute, the call says what the full model alone would have cost`()
        async throws
    {
        var lost = escalation()
        lost.attempts[0].state = .failed
        lost.attempts[0].counterfactual = .zero
        _ = try await handle([.escalation(lost, of: id)])
        let row = try #require(try await store.ledger(of: id).first)
        #expect(row.attempt.counterfactual == row.attempt.usage && row.counterfactualCost == row.cost)
    }

    @Test func `of a routing the call says so for what fits no capability, and the steps do for the others`()
        async throws
    {
        let router = ScriptedClassifier("full", version: "2", routes: [.decomposition]) { text, _ in
            .of(text, text == "first" ? "legal-services/clause-type" : "none", 0.75)
        }
        _ = try await handle([.escalation(escalation(route: .decomposition), of: id)], model: router)
        let row = try #require(try await store.ledger(of: id).first)
        // Two of the seven tokens belong to the second item, without its marker tokens in one question.
        #expect(row.cost == PicoDollars(70) && row.counterfactualCost == PicoDollars(20) && row.onceCost == .zero)
    }

    @Test func `a record that cannot be read is dead-lettered and its neighbours are answered`() async throws {
        let good = Record.escalation(escalation(), of: id)
        var bad = good
        bad.value = [0xFF]
        let records = try await handle([bad, good])
        #expect(records.map(\.topic) == [Topic.deadLetters, Topic.outcomes(.interactive)])
        #expect(records.first?.value == [0xFF])
    }

    @Test func `steps of several requests share one call a route and keep their own rows`() async throws {
        let model = Self.full()
        let other = Request.ID.numbered(2)
        let records = try await handle(
            [
                .escalation(escalation(), of: id), .escalation(escalation(step: 0, route: .decomposition), of: other),
                .escalation(escalation(step: 1), of: other),
            ], model: model)
        #expect(model.calls.count == 2)
        #expect(
            try records.map { try $0.event().id } == ["\(id)/3/outcome", "\(other)/0/outcome", "\(other)/1/outcome"])
        #expect(try await store.ledger(of: id).map(\.cost.amount) == [70])
        #expect(try await store.ledger(of: other).map(\.cost.amount) == [70, 70])
    }
}

/// A ledger that records its calls.
private struct WatchedLedger: AttemptLedger {
    let ledger: InMemoryStore
    let report: @Sendable (String) -> Void

    func start(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [LedgerEntry] {
        report("start " + calls.map(\.attempt.state.rawValue).joined(separator: " "))
        return try await ledger.start(calls, begin)
    }

    func reserve(
        _ calls: [(entry: LedgerEntry, question: QuestionDigest)], _ begin: @escaping Begin
    ) async throws -> [Reservation] {
        try await start(calls.map(\.entry), begin).map { .started($0) }
    }

    func recover(
        _ questions: [(step: Step.ID, question: QuestionDigest)], of kind: Attempt.Kind
    ) async throws -> [[Answer]?] {
        try await ledger.recover(questions, of: kind)
    }

    func settle(_ entries: [LedgerEntry], keeping answers: [PaidAnswer]) async throws {
        report("settle " + entries.map(\.attempt.state.rawValue).joined(separator: " "))
        try await ledger.settle(entries, keeping: answers)
    }

    func ledger(of request: Request.ID) async throws -> [LedgerEntry] { try await ledger.ledger(of: request) }
}
