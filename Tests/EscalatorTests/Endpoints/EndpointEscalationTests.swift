import BuiltInCatalog
import Contracts
import Delivery
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

struct EndpointEscalationTests {
    static let clause = Route(.legalServices, "clause-type")
    static let question = Models.Question(
        task: "\(clause)", description: "Which clause?", kind: .labels([.init("a"), .init("b")]))

    let id = Request.ID.numbered(1)
    let store = InMemoryStore()
    let workersAttempt = Attempt(
        number: 1, kind: .worker, model: "small", version: "7", items: 3, usage: TokenUsage(inputTokens: 9, flops: 90),
        durationMicros: 5, startedAt: Timestamp(milliseconds: 7))

    func handler(
        _ model: any Model, itemsPerCall: Int = 1, places: Int = 8, ledger: (any AttemptLedger & ShadowRegister)? = nil,
        sharing shared: EndpointLedger? = nil, cancellations: any Cancellations = NoCancellations()
    ) -> EndpointEscalations {
        let endpoint = FullEndpoint(
            model: model, route: Self.clause, question: Self.question, comparator: .exact, itemsPerCall: itemsPerCall,
            places: FullEndpoint.Places(places))
        return EndpointEscalations(
            service: "escalator", endpoints: [Self.clause: endpoint], encoders: Self.encoders(store),
            ledger: shared ?? EndpointLedger(ledger ?? store), catalog: LiveCatalog(.builtIn),
            cancellations: cancellations, metrics: Metrics())
    }

    /// Full models in the process, for other tasks.
    static func encoders(_ store: InMemoryStore, middle: MiddleTier? = nil) -> EscalationHandler {
        EscalationHandler(
            service: "escalator", classifier: EscalationHandlerTests.full(), middle: middle, ledger: store,
            prices: PriceBook(store: store), catalog: LiveCatalog(.builtIn))
    }

    /// Three items, of which a worker has answered the one in the middle.
    func escalation(attempts: [Attempt]? = nil) -> Escalation {
        let known = Answer(.label("w"), confidence: 0.999, decidedBy: .worker, model: "small@7")
        let guess = Answer(.label("a"), confidence: 0.5, decidedBy: .worker, model: "small@7")
        return Escalation(
            step: 3, route: Self.clause,
            open: [.init(index: 0, text: "first", guess: guess), .init(index: 2, text: "last", guess: guess)],
            answers: [nil, known, nil], attempts: attempts ?? [workersAttempt])
    }

    func handle(
        _ model: any Model, _ escalation: Escalation? = nil, itemsPerCall: Int = 1, expiry: Timestamp? = nil,
        cancellations: any Cancellations = NoCancellations()
    ) async throws -> Outcome? {
        let record = Record.escalation(escalation ?? self.escalation(), of: id, expiry: expiry)
        return try await handler(model, itemsPerCall: itemsPerCall, cancellations: cancellations)
            .handle(record).first?.outcome()
    }

    private func rows() async throws -> [String] {
        try await store.ledger(of: id).map { row in
            "\(row.attempt.state) \(row.cost.amount) \(row.attempt.error ?? "-")"
        }
    }

    static func labelled() -> ScriptedModel {
        ScriptedModel { text, _ in .answers(.label(text == "first" ? "a" : "b")) }
    }

    @Test func `each open item is asked about, and its try has a row with what it cost`() async throws {
        let model = Self.labelled()
        let outcome = try #require(try await handle(model))
        #expect(outcome.state == .answered)
        #expect(outcome.answers.map { $0?.label } == ["a", "w", "b"])
        let name = ModelIdentity(model.identity, asked: Self.question)
        #expect(outcome.answers[0]?.model == name.description)
        #expect(outcome.answers[0]?.decidedBy == .full)
        #expect(outcome.answers[0]?.confidence == 0.75)
        #expect(outcome.attempts == [workersAttempt])
        let ledger = try await store.ledger(of: id)
        #expect(try await rows() == ["settled 60 -", "settled 60 -"])
        #expect(ledger.allSatisfy { $0.attempt.model == name.name && $0.attempt.version == name.version })
        #expect(
            ledger.map(\.attempt.usage)
                == Array(repeating: TokenUsage(inputTokens: 30, outputTokens: 3, flops: 0), count: 2))
        #expect(ledger.map(\.guesses.known) == [1, 1])
        #expect(ledger.map(\.guesses.agreed).sorted() == [0, 1])
        // The worker's attempt counts what the full model alone would have cost.
        #expect(ledger.map(\.counterfactualCost) == [.zero, .zero])
    }

    @Test func `the endpoint is told what stands around an item`() async throws {
        let model = Self.labelled()
        let context = ItemContext(before: "a", after: "b", request: "c")
        var escalation = escalation()
        escalation.open[1].context = context
        for _ in 0..<2 { #expect(try await handle(model, escalation)?.state == .answered) }
        #expect(Set(model.inputs) == [.text("first"), .text("last", in: context)])
        // The second time the answers were kept.
        #expect(model.inputs.count == 2)
    }

    @Test func `without a worker this call is what the full model alone costs, and saves nothing`() async throws {
        let outcome = try await handle(Self.labelled(), escalation(attempts: []))
        #expect(outcome?.state == .answered)
        let ledger = try await store.ledger(of: id)
        #expect(ledger.map(\.counterfactualCost) == ledger.map(\.cost))
        #expect(ledger.allSatisfy { $0.onceCost > .zero && $0.onceCost < $0.cost })
    }

    @Test func `a try is in the ledger before it is made, and each try has its own row`() async throws {
        let model = ScriptedModel { [store, id] text, number in
            let rows = try await store.ledger(of: id)
            #expect(rows.count == number)
            #expect(rows.last?.attempt.state == .started)
            #expect(rows.last?.cost == ScriptedModel.reserved)
            return number == 1
                ? .broken(.timedOut, .unknown) : number == 2 ? .broken(.serverError, .failed) : .answers(.label("a"))
        }
        _ = try await handle(model, itemsPerCall: 2)
        #expect(try await rows() == ["unknown 100 timed_out", "failed 0 server_error", "settled 60 -", "settled 60 -"])
    }

    @Test func `what was answered before a failure is kept, and only the rest is asked again`() async throws {
        let broken = ScriptedModel { text, _ in
            text == "first"
                ? .answers(.label("a")) : .error(ModelError(.serverError, "no", isRetriable: true))
        }
        await #expect(throws: ModelError.self) { try await handle(broken) }
        let model = Self.labelled()
        let outcome = try await handle(model)
        #expect(outcome?.answers.map { $0?.label } == ["a", "w", "b"])
        #expect(model.texts == ["last"])
        #expect(try await rows().filter { $0.hasPrefix("settled") }.count == 2)
    }

    @Test func `a crash between settling and emission asks nothing again`() async throws {
        let first = try await handle(Self.labelled())
        let model = Self.labelled()
        let again = try await handle(model)
        #expect(model.texts.isEmpty)
        #expect(again == first)
        #expect(try await store.ledger(of: id).count == 2)
    }

    @Test func `the call of a process that died becomes unknown, and the others of the step do not`() async throws {
        let lost = ScriptedModel { _, _ in throw CancellationError() }
        // The process dies before it can settle.
        let record = Record.escalation(escalation(), of: id)
        _ = try? await handler(lost, ledger: UnsettledLedger(store: store)).handle(record)
        #expect(try await rows() == ["started 100 -", "started 100 -"])
        let states = Mutex<[[Attempt.State]]>([])
        let model = ScriptedModel { [store, id] _, _ in
            let rows = try await store.ledger(of: id)
            states.withLock { $0.append(rows.map(\.attempt.state)) }
            return .answers(.label("a"))
        }
        _ = try await handle(model)
        #expect(
            states.withLock {
                $0.allSatisfy { $0.prefix(2) == [.unknown, .unknown] && !$0.dropFirst(2).contains(.unknown) }
            })
        #expect(try await rows() == ["unknown 100 -", "unknown 100 -", "settled 60 -", "settled 60 -"])
    }

    @Test func `a copy that comes while the first is under way waits for it, and asks nothing`() async throws {
        let gate = Mutex<CheckedContinuation<Void, Never>?>(nil)
        let model = ScriptedModel { _, number in
            if number == 1 { await withCheckedContinuation { continuation in gate.withLock { $0 = continuation } } }
            return .answers(.label("a"))
        }
        let ledger = EndpointLedger(store)
        let record = Record.escalation(escalation(), of: id)
        let outcomes = try await withThrowingTaskGroup(of: Outcome?.self) { group in
            for _ in 0..<2 {
                // As after a change of the catalog, each has a handler of its own.
                group.addTask {
                    try await handler(model, itemsPerCall: 2, sharing: ledger).handle(record).first?.outcome()
                }
            }
            let step = Step.ID(request: id, ordinal: 3)
            while gate.withLock({ $0 == nil }) || ledger.turns.count(of: step) == 0 { await Task.yield() }
            gate.withLock(\.self)?.resume()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(model.texts.count == 2)
        #expect(outcomes.count == 2 && outcomes[0] == outcomes[1])
        #expect(ledger.turns.count(of: Step.ID(request: id, ordinal: 3)) == 0)
    }

    @Test(arguments: [1, 2]) func `a cancelled step is not called, nor is an expired one`(cause: Int) async throws {
        let model = Self.labelled()
        let cancellations = cause == 1 ? KnownCancellations(id) : KnownCancellations()
        let outcome = try await handle(
            model, expiry: cause == 2 ? Timestamp(milliseconds: 1) : nil, cancellations: cancellations)
        #expect(outcome?.state == (cause == 1 ? .failed : .expired))
        #expect(outcome?.attempts == [workersAttempt])
        #expect(model.texts.isEmpty)
    }

    @Test func `a step that is cancelled while it waits is not called`() async throws {
        let cancellations = LateCancellations()
        let model = ScriptedModel { text, _ in
            cancellations.isCancelled.withLock { $0 = true }
            return .answers(.label(text == "first" ? "a" : "b"))
        }
        // Both items are in one call here, so the second try begins after the first has ended.
        let outcome = try await handle(model, itemsPerCall: 2, cancellations: cancellations)
        #expect(outcome?.state == .failed)
        #expect(outcome?.error == "the request was cancelled")
        #expect(model.texts == ["first"])
        #expect(try await rows() == ["settled 60 -"])
    }

    @Test(arguments: Budget.Policy.allCases)
    func `a budget without room for a try is obeyed as its policy says`(policy: Budget.Policy) async throws {
        // Room for one try at its reserved price.
        try await store.setBudget(
            Budget(tenant: TenantID(rawValue: "acme"), period: .day, limit: PicoDollars(150), policy: policy))
        let model = Self.labelled()
        let outcome = try await handle(model)
        #expect(model.texts.count == 1)
        switch policy {
        case .queue: #expect(outcome == nil)
        case .fail: #expect(outcome?.error == "the tenant's budget for escalations is exhausted")
        case .degrade:
            #expect(outcome?.state == .answered)
            #expect(outcome?.answers.count { $0?.isDegraded == true } == 1)
            #expect(outcome?.answers.count { $0?.decidedBy == .full } == 1)
        }
    }

    @Test func `a refusal of the server fails the step, and says the code and no more`() async throws {
        let model = ScriptedModel { _, _ in .error(ModelError(.refused, "secret words", isRetriable: false)) }
        let outcome = try await handle(model)
        #expect(outcome?.state == .failed)
        #expect(outcome?.error == "the full model did not answer: refused")
        #expect(outcome?.attempts == [workersAttempt])
    }

    @Test func `an unavailable server is waited for, and an error of it is not tried for ever`() async throws {
        let open = ModelError(.circuitOpen, "open", isRetriable: true, isDependencyUnavailable: true)
        let sick = ModelError(.serverError, "503", isRetriable: true)
        for (error, delivery, fails) in [(open, 1, false), (open, 9, false), (sick, 1, false), (sick, 3, true)] {
            var record = Record.escalation(escalation(), of: id)
            record.headers.append(Header(Retry.attemptsHeader, text: "\(delivery)"))
            let handler = handler(ScriptedModel { _, _ in .error(error) })
            if fails {
                #expect(
                    try await handler.handle(record).first?.outcome().error
                        == "the full model did not answer: server_error")
            } else {
                let thrown = await #expect(throws: ModelError.self) { try await handler.handle(record) }
                #expect(thrown?.code == error.code)
            }
        }
    }

    @Test func `no more calls of a step are begun than the endpoint has places`() async throws {
        let texts = (0..<20).map { "text \($0)" }
        let escalation = Escalation(
            step: 0, route: Self.clause, open: texts.enumerated().map { .init(index: $0, text: $1) },
            answers: texts.map { _ in nil }, attempts: [])
        let counts = Mutex((now: 0, most: 0))
        let model = ScriptedModel { _, _ in
            counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
            for _ in 0..<10 { await Task.yield() }
            counts.withLock { $0.now -= 1 }
            return .answers(.label("a"))
        }
        let outcome = try await handler(model, places: 3).handle(.escalation(escalation, of: id)).first?.outcome()
        #expect(outcome?.answers.count { $0?.label == "a" } == 20)
        // Three in flight, and one whose predecessor is being settled.
        #expect((1...4).contains(counts.withLock(\.most)))
        #expect(Set(model.texts) == Set(texts))
    }

    @Test func `a text is an answer, and one that is too large for a message fails`() async throws {
        let outcome = try await handle(ScriptedModel { text, _ in .answers(.text("about \(text)")) })
        #expect(outcome?.answers[0]?.output == .text("about first"))
        #expect(outcome?.answers[0]?.label == nil)
        let other = Request.ID.numbered(2)
        let huge = String(repeating: "x", count: 600_000)
        let failed = try await handler(ScriptedModel { _, _ in .answers(.text(huge)) })
            .handle(.escalation(escalation(), of: other)).first?.outcome()
        #expect(failed?.error == "the answers are too large for a message")
    }
}
