import BuiltInCatalog
import Contracts
import Inference
import MessageBus
import Planning
import Telemetry
import TestKit
import Testing
import WorkerKit

struct StepHandlerTests {
    static let clause = Route(.legalServices, "clause-type")
    static let unfair = Route(.legalServices, "unfair-term")

    let id = Request.ID.numbered(1)
    let metrics = Metrics()
    /// Sure of every item that does not begin with a question mark.
    let classifier = ScriptedClassifier(routes: [clause, unfair]) { text, route in
        .of(text, "\(route.task) of \(text)", text.hasPrefix("?") ? 0.89 : 0.99)
    }

    private func handle(
        _ records: [Record], _ classifier: ScriptedClassifier? = nil, acceptThreshold: Double? = 0.9
    ) async throws -> [OutgoingRecord] {
        let handler = StepHandler(
            service: "legal-services-worker", classifier: classifier ?? self.classifier,
            certificates: KnownCertificates(acceptThreshold: acceptThreshold),
            counterfactual: try Tree.counterfactual(), catalog: .builtIn,
            metrics: metrics)
        return try await handler.handle(records)
    }

    private func answer(_ text: String, _ route: Route = clause) -> Answer {
        Answer(.label("\(route.task) of \(text)"), confidence: 0.99, decidedBy: .worker, model: "small@7")
    }

    @Test func `a step whose every item is sure becomes an outcome`() async throws {
        let command = StepCommand(step: 4, route: Self.clause, items: ["a", "bcd"])
        let records = try await handle([.step(command, of: id)])
        let record = try #require(records.first)
        #expect(records.count == 1)
        #expect(record.topic == Topic.outcomes(.interactive))
        #expect(try record.event().id == "\(id)/4/outcome")
        let outcome = try record.outcome()
        #expect(outcome.step == 4)
        #expect(outcome.route == Self.clause)
        #expect(outcome.state == .answered)
        #expect(outcome.answers == [answer("a"), answer("bcd")])
        let attempt = try #require(outcome.attempts.first)
        #expect(outcome.attempts.count == 1)
        #expect(attempt.number == 1)
        #expect(attempt.kind == .worker)
        #expect(attempt.state == .settled)
        #expect(attempt.model == "small")
        #expect(attempt.version == "7")
        #expect(attempt.items == 2)
        #expect(attempt.usage == TokenUsage(inputTokens: 4, flops: 4000))
    }

    @Test func `the attempt says what the full model would have consumed for the same items`() async throws {
        let command = StepCommand(step: 0, route: Self.clause, items: ["a", "bcd"])
        let attempt = try #require(try await handle([.step(command, of: id)]).first?.outcome().attempts.first)
        let card = try Tree.fullCard()
        let flops = card.flops(tokens: 1, route: Self.clause) + card.flops(tokens: 3, route: Self.clause)
        #expect(attempt.counterfactual == TokenUsage(inputTokens: 4, flops: flops))
        #expect(flops > attempt.usage.flops)
    }

    @Test func `only the items that are unsure are escalated, once, with all that is known`() async throws {
        let command = StepCommand(step: 2, route: Self.clause, items: ["?a", "b", "?c", "d"])
        let records = try await handle([.step(command, of: id)])
        let record = try #require(records.first)
        #expect(records.count == 1)
        #expect(record.topic == Topic.escalations(.interactive))
        #expect(try record.event().id == "\(id)/2/escalation")
        let escalation = try record.escalation()
        #expect(escalation.step == 2)
        #expect(escalation.route == Self.clause)
        var guesses = [answer("?a"), answer("?c")]
        for index in guesses.indices { guesses[index].confidence = 0.89 }
        #expect(
            escalation.open == [
                .init(index: 0, text: "?a", guess: guesses[0]), .init(index: 2, text: "?c", guess: guesses[1]),
            ])
        #expect(escalation.answers == [nil, answer("b"), nil, answer("d")])
        // The unsure items were computed too, so they are paid for.
        #expect(escalation.attempts.map(\.items) == [4])
        #expect(escalation.attempts.first?.usage.inputTokens == 6)
    }

    @Test func `without a certificate every item is escalated, however sure the model is`() async throws {
        let command = StepCommand(step: 2, route: Self.clause, items: ["a", "b"])
        let record = try #require(try await handle([.step(command, of: id)], acceptThreshold: nil).first)
        #expect(record.topic == Topic.escalations(.interactive))
        #expect(try record.escalation().open.map(\.index) == [0, 1])
    }

    @Test func `items of a tenant for whom the certificate was revoked are escalated, and none is drawn`()
        async throws
    {
        let handler = StepHandler(
            service: "legal-services-worker", classifier: classifier,
            certificates: KnownCertificates(acceptThreshold: 0.9, revokedTenant: TenantID(rawValue: "acme")),
            counterfactual: try Tree.counterfactual(), draw: ShadowDraw(1), catalog: .builtIn, metrics: metrics)
        let command = StepCommand(step: 2, route: Self.clause, items: ["a", "b"])
        let records = try await handler.handle([.step(command, of: id)])
        #expect(records.map(\.topic) == [Topic.escalations(.interactive)])
        #expect(try records.first?.escalation().open.count == 2)
    }

    @Test func `an item is answered from the certified confidence on, and not below it`() async throws {
        let command = StepCommand(step: 2, route: Self.clause, items: ["?a", "b"])
        #expect(
            try await handle([.step(command, of: id)], acceptThreshold: 0.89).first?.topic
                == Topic.outcomes(.interactive))
        let escalation = try #require(try await handle([.step(command, of: id)], acceptThreshold: 0.990_000_1).first)
        #expect(try escalation.escalation().open.count == 2)
    }

    @Test func `a text that is cut goes to the full model however sure the model is, and says that it is cut`()
        async throws
    {
        let cutting = ScriptedClassifier(routes: [Self.clause]) { text, _ in
            var prediction = Prediction.of(text, "x", 1)
            if text == "long" { (prediction.isTruncated, prediction.certainty) = (true, 0) }
            return prediction
        }
        let command = StepCommand(step: 2, route: Self.clause, items: ["short", "long"])
        let escalation = try #require(try await handle([.step(command, of: id)], cutting).first).escalation()
        #expect(escalation.open.map(\.text) == ["long"])
        #expect(escalation.open.map { $0.guess?.isTruncated } == [true])
        #expect(escalation.answers.map { $0?.isTruncated } == [false, nil])
    }

    @Test func `the full model alone would have read a long text in as many windows`() async throws {
        let reading = ScriptedClassifier(routes: [Self.clause]) { _, _ in
            Prediction(label: "x", confidence: 1, isSure: true, inputTokens: 384, flops: 1, windows: 3)
        }
        let command = StepCommand(step: 0, route: Self.clause, items: ["a"])
        let attempt = try #require(try await handle([.step(command, of: id)], reading).first?.outcome().attempts.first)
        let flops = try Tree.fullCard().flops(tokens: 128, route: Self.clause)
        #expect(attempt.counterfactual == TokenUsage(inputTokens: 384, flops: 3 * flops))
    }

    @Test func `items are counted by who answered them`() async throws {
        let command = StepCommand(step: 2, route: Self.clause, items: ["?a", "b", "c"])
        _ = try await handle([.step(command, of: id)])
        #expect(metrics.render().contains("\nwinnow_items_answered_total 2\n"))
        #expect(metrics.render().contains("\nwinnow_items_escalated_total 1\n"))
    }

    @Test func `a step past its deadline is expired without computing it`() async throws {
        let command = StepCommand(step: 1, route: Self.clause, items: ["a"])
        let records = try await handle([.step(command, of: id, expiry: Timestamp(milliseconds: 1))])
        #expect(try records.map { try $0.outcome() } == [.expired(1, Self.clause)])
        #expect(classifier.calls.isEmpty)
    }

    @Test func `a task that the model has no head for fails, and says so`() async throws {
        let command = StepCommand(step: 1, route: Route(.legalServices, "CANARY"), items: ["a"])
        let outcome = try #require(try await handle([.step(command, of: id)]).first?.outcome())
        #expect(outcome.state == .failed)
        #expect(outcome.error?.isEmpty == false)
        #expect(outcome.attempts.isEmpty)
        #expect(classifier.calls.isEmpty)
    }

    @Test func `a step of a cancelled request is dropped before any compute, and counted`() async throws {
        let command = StepCommand(step: 0, route: Self.clause, items: ["a"])
        let handler = StepHandler(
            service: "legal-services-worker", classifier: classifier,
            certificates: KnownCertificates(acceptThreshold: 0.9), counterfactual: try Tree.counterfactual(),
            catalog: .builtIn, metrics: metrics, cancellations: KnownCancellations(id))
        let records = try await handler.handle([.step(command, of: id), .step(command, of: .numbered(2))])
        #expect(try records.map { try $0.event().correlationID } == ["\(Request.ID.numbered(2))"])
        #expect(classifier.calls.flatMap(\.texts) == ["a"])
        #expect(metrics.render().contains("\nwinnow_steps_cancelled_total 1\n"))
    }

    @Test func `a record that cannot be read is dead-lettered and its neighbours are answered`() async throws {
        let good = Record.step(StepCommand(step: 0, route: Self.clause, items: ["a"]), of: id)
        var unreadable = good
        unreadable.value = [0xFF, 0xFE]
        var headless = good
        headless.headers = []
        var bare = good
        bare.value = nil
        let records = try await handle([unreadable, good, headless, bare])
        let letters = records.filter { $0.topic == Topic.deadLetters }
        #expect(letters.map(\.value) == [[0xFF, 0xFE], good.value, nil])
        #expect(
            try records.filter { $0.topic == Topic.outcomes(.interactive) }.map { try $0.outcome().state } == [
                .answered
            ])
    }

    @Test func `steps of one batch share one call a route`() async throws {
        let records = (0..<6).map { number in
            Record.step(
                StepCommand(
                    step: number, route: number.isMultiple(of: 2) ? Self.clause : Self.unfair,
                    items: ["\(number)x", "\(number)y"]),
                of: .numbered(UInt64(number)))
        }
        let emitted = try await handle(records)
        #expect(Set(classifier.calls.map(\.route)) == [Self.clause, Self.unfair])
        #expect(classifier.calls.count == 2)
        #expect(classifier.calls.allSatisfy { $0.texts.count == 6 })
        for (number, record) in emitted.enumerated() {
            let route = number.isMultiple(of: 2) ? Self.clause : Self.unfair
            #expect(try record.event().correlationID == "\(Request.ID.numbered(UInt64(number)))")
            #expect(try record.outcome().answers == [answer("\(number)x", route), answer("\(number)y", route)])
        }
        #expect(emitted.count == 6)
    }

    @Test func `a step that comes again is answered under the same ids`() async throws {
        let record = Record.step(StepCommand(step: 0, route: Self.clause, items: ["a"]), of: id)
        let ids = try await handle([record, record]).map { try $0.event().id }
        #expect(ids == ["\(id)/0/outcome", "\(id)/0/outcome"])
    }

    @Test func `a text that the model cannot answer goes to the full model, and its neighbours are answered`()
        async throws
    {
        let picky = ScriptedClassifier(routes: [Self.clause]) { text, route in
            guard text != "poison" else { throw InferenceError(.invalidAnswer, "no label") }
            return .of(text, "\(route.task) of \(text)")
        }
        let records = try await handle(
            ["a", "poison", "b"].enumerated().map { number, text in
                .step(StepCommand(step: 0, route: Self.clause, items: [text]), of: .numbered(UInt64(number)))
            }, picky)
        #expect(
            records.map(\.topic) == [
                Topic.outcomes(.interactive), Topic.escalations(.interactive), Topic.outcomes(.interactive),
            ])
        let escalation = try #require(records.dropFirst().first).escalation()
        #expect(escalation.open == [.init(index: 0, text: "poison")])
        #expect(escalation.attempts.map(\.state) == [.failed])
        #expect(escalation.attempts.map(\.error) == ["invalid_answer"])
    }

    @Test func `the loop retries a temporary fault, and then the full model answers`() async throws {
        let ill = ScriptedClassifier(routes: [Self.clause]) { _, _ in throw InferenceError(.compute, "no memory") }
        let record = Record.step(StepCommand(step: 0, route: Self.clause, items: ["a"]), of: id)
        var again = record
        again.headers.append(Header("retry_topic-attempts", text: "1"))
        for records in [[record], [record, again]] {
            await #expect(throws: InferenceError.self) { try await handle(records, ill) }
        }
        let escalation = try #require(try await handle([again], ill).first).escalation()
        #expect(escalation.open == [.init(index: 0, text: "a")])
        #expect(escalation.attempts.map(\.error) == ["compute"])
    }
}
