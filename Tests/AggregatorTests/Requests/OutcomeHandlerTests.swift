import BuiltInCatalog
import Contracts
import JSON
import MessageBus
import RegexBuilder
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import Aggregator

struct OutcomeHandlerTests {
    private let store = InMemoryStore()
    private let id = Request.ID.numbered(1)
    private let metrics = Metrics()

    private func accept(_ snapshots: RequestSnapshot...) async throws {
        try await store.registerPrices(Fixture.prices)
        _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
    }

    private func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        try await OutcomeHandler(
            service: "aggregator", store: store, fullModel: "full", catalog: .builtIn, logger: .silent, metrics: metrics
        ) { Fixture.now }.handle(records)
    }

    private func stored(_ id: Request.ID) async throws -> RequestSnapshot? {
        try await store.update([id]) { _ in [] }.first
    }

    @Test func `the last outcome of a request emits its result with what it cost`() async throws {
        try await accept(Fixture.snapshot([Fixture.step(0), Fixture.step(1)]))
        #expect(try await handle([.outcome(Fixture.answered(0), of: id)]).isEmpty)
        let records = try await handle([.outcome(Fixture.answered(1), of: id)])
        let result = try #require(records.first)
        #expect(records.count == 1)
        #expect(result.topic == Topic.results)
        #expect(try result.event().id == "\(id)/result")
        #expect(try result.event().source == "/winnow")
        #expect(try result.event().causationID == "event of \(id)")
        #expect(try result.event().time == Fixture.now)
        try JSONDocument.read(result.value ?? []) { root in
            #expect(root["status"]?.string == "completed")
            #expect(root["cost"]?["picoUSD"]?.integer == 6)
            #expect(root["cost"]?["fullModelPicoUSD"]?.integer == 600)
            #expect(root["usage"]?["flops"]?.integer == 60)
        }
    }

    @Test func `an outcome dispatches the steps that waited for it`() async throws {
        try await accept(Fixture.snapshot([Fixture.step(0), Fixture.step(1, dependsOn: [0])]))
        let records = try await handle([.outcome(Fixture.answered(0), of: id)])
        #expect(records.map(\.topic) == ["winnow.steps.legal-services.v1"])
        #expect(try records.map { try $0.command().step } == [1])
    }

    @Test func `a batch that comes again emits the same and is charged once`() async throws {
        try await accept(Fixture.snapshot([Fixture.step(0), Fixture.step(1, dependsOn: [0])]))
        let batch = [Record.outcome(Fixture.answered(0), of: id)]
        let first = try await handle(batch)
        #expect(try await handle(batch) == first)
        #expect(try await store.ledger(of: id).count == 1)

        let last = [Record.outcome(Fixture.answered(1), of: id)]
        let result = try await handle(last)
        #expect(try await handle(last) == result)
        #expect(try await store.ledger(of: id).count == 2)
    }

    @Test func `outcomes of several requests are applied in one update`() async throws {
        let other = Request.ID.numbered(2)
        try await accept(Fixture.snapshot([Fixture.step(0)]), Fixture.snapshot([Fixture.step(0)], id: other))
        let records = try await handle([
            .outcome(Fixture.failed(0), of: other), .outcome(Fixture.answered(0), of: id),
        ])
        #expect(try Set(records.map { try $0.event().id }) == ["\(id)/result", "\(other)/result"])
        #expect(try await stored(other)?.state == .failed)
        #expect(try await stored(id)?.state == .completed)
    }

    @Test func `a cost that comes after the result changes the ledger, and the result comes again as it was`()
        async throws
    {
        try await accept(Fixture.snapshot([Fixture.step(0)]))
        let first = try await handle([.outcome(Fixture.answered(0), of: id)])
        let late = Fixture.answered(0, attempts: [Fixture.attempt(2, tokens: 4)])
        #expect(try await handle([.outcome(late, of: id)]) == first)
        #expect(try await stored(id)?.totals.cost == PicoDollars(7))
        let cost = try JSONDocument.read(first.first?.value ?? []) { $0["cost"]?["picoUSD"]?.integer }
        #expect(cost == 3)
    }

    @Test func `an outcome of an unknown request is a dead letter, and counted`() async throws {
        try await accept(Fixture.snapshot([Fixture.step(0)]))
        let lost = Record.outcome(Fixture.answered(0), of: .numbered(99))
        let records = try await handle([lost, .outcome(Fixture.answered(0), of: id)])
        #expect(Set(records.map(\.topic)) == [Topic.deadLetters, Topic.results])
        let letter = try #require(records.first { $0.topic == Topic.deadLetters })
        #expect(letter.value == lost.value)
        #expect(letter.headers["kafka_dlt-exception-fqcn"] == "ContractError.unknown_request")
        #expect(metrics.render().contains("winnow_outcomes_of_unknown_requests_total 1"))
        #expect(try await stored(id)?.state == .completed)
    }

    @Test func `a record that cannot be read is dead-lettered and its neighbours are settled`() async throws {
        try await accept(Fixture.snapshot([Fixture.step(0)]))
        let good = Record.outcome(Fixture.answered(0), of: id)
        var bad = good
        bad.value = [0x00, 0xFF]
        let records = try await handle([bad, good])
        #expect(records.map(\.topic) == [Topic.deadLetters, Topic.results])
        #expect(records.first?.value == [0x00, 0xFF])
    }

    @Test(arguments: [
        "inputTokens", "outputTokens", "flops", "durationMicros", "startedAt", "fullModelTokens", "number",
    ])
    func `an outcome with an absurd number is a dead letter, and its neighbours are settled`(name: String) async throws
    {
        try await accept(Fixture.snapshot([Fixture.step(0)]))
        let good = Record.outcome(Fixture.answered(0), of: id)
        var bad = good
        let text = String(decoding: good.value ?? [], as: UTF8.self)
        bad.value = Array(text.replacing("\"number\":1", with: "\"number\":1,\"outputTokens\":1").utf8)
        let field = Regex {
            "\"\(name)\":"; OneOrMore(.digit)
        }
        bad.value = Array(
            String(decoding: bad.value ?? [], as: UTF8.self)
                .replacing(field, with: "\"\(name)\":9000000000000000000").utf8)
        #expect(bad.value != good.value)
        let records = try await handle([bad, good])
        #expect(records.map(\.topic) == [Topic.deadLetters, Topic.results])
    }

    @Test func `an outcome whose price cannot be written is refused, and nothing of it is kept`() async throws {
        try await store.registerPrices([
            Price(
                model: "dear", inputToken: PicoDollars(1_000_000_000_000), outputToken: .zero,
                validFrom: Timestamp(milliseconds: 0))
        ])
        try await accept(Fixture.snapshot([Fixture.step(0)]))
        var attempt = Fixture.attempt(tokens: 1_000_000_000)
        attempt.model = "dear"
        await #expect(throws: ContractError.self) {
            try await handle([.outcome(Fixture.answered(0, attempts: [attempt]), of: id)])
        }
        #expect(try await stored(id)?.state == .open)
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test func `steps for items that the full model has routed are dispatched`() async throws {
        let routing = Fixture.step(0, .decomposition, ["a"])
        try await accept(Fixture.snapshot([routing]))
        let answer = Fixture.answer("software-development/issue-type", .full)
        let batch = [Record.outcome(Fixture.answered(0, .decomposition, [answer]), of: id)]
        let records = try await handle(batch)
        #expect(try records.map { try $0.command() } == [StepCommand(step: 1, route: Fixture.issue, items: ["a"])])
        #expect(try await handle(batch) == records)
        #expect(try await stored(id)?.steps.count == 2)
    }
}
