import BuiltInCatalog
import Contracts
import Delivery
import JSON
import Lifecycle
import MessageBus
import MessageBusTesting
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import Aggregator

/// Outcomes of steps that do not exist: their cost is counted, or the outcome becomes a dead letter.
@Suite(.timeLimit(.minutes(1)))
struct LateOutcomeTests {
    private let store = InMemoryStore()
    private let metrics = Metrics()
    private let bus = InMemoryBus(
        topics: [Topic.outcomes(.interactive): 1, Topic.results: 1, Topic.retries: 1, Topic.deadLetters: 1])

    private func accept(_ snapshots: RequestSnapshot...) async throws {
        try await store.registerPrices(Fixture.prices)
        _ = try await store.accept(snapshots.map { Arrival(snapshot: $0) })
    }

    private var handler: OutcomeHandler {
        OutcomeHandler(
            service: "aggregator", store: store, fullModel: "full", catalog: .builtIn, logger: .silent, metrics: metrics
        ) { Fixture.now }
    }

    @Test func `what a call cost whose request is erased is in the ledger and in the total, once`() async throws {
        // Erasure and retention leave this state.
        var erased = Fixture.snapshot([], .completed)
        erased.completedAt = Fixture.now
        erased.erasedAt = Fixture.now
        try await accept(erased)
        let late = Record.outcome(Fixture.answered(2), of: .numbered(1))
        for _ in 0..<2 {
            let records = try await handler.handle([late])
            #expect(records.map(\.topic) == [Topic.results])
            try JSONDocument.read(records.first?.value ?? []) { root in
                #expect(root["status"]?.string == "completed")
                #expect(root["erased"]?.bool == true)
                #expect(root["steps"]?.map { $0 }?.isEmpty == true)
            }
        }
        let ledger = try await store.ledger(of: .numbered(1))
        #expect(ledger.map(\.cost) == [PicoDollars(3)])
        #expect(ledger.map(\.counterfactualCost) == [.zero])
        let stored = try await store.update([.numbered(1)]) { _ in [] }
        #expect(stored.first?.totals.cost == PicoDollars(3))
        #expect(stored.first?.state == .completed)
    }

    @Test func `an outcome of a step that never was is a dead letter, counted, and its neighbours are settled`()
        async throws
    {
        try await accept(
            Fixture.snapshot([Fixture.step(0)]), Fixture.snapshot([Fixture.step(0)], id: .numbered(2)))
        let topic = Topic.outcomes(.interactive)
        let outcomes = [
            Record.outcome(Fixture.answered(0), of: .numbered(1)), .outcome(Fixture.answered(7), of: .numbered(1)),
            .outcome(Fixture.answered(0), of: .numbered(2)),
        ]
        try await bus.producer().send(
            outcomes.map { OutgoingRecord(topic: topic, key: $0.key, value: $0.value, headers: $0.headers) })
        let loop = DeliveryLoop(
            service: "aggregator", consumer: bus.consumer(group: "winnow.aggregator", topics: [topic]),
            producer: bus.producer(), handler: handler, logger: .silent, metrics: metrics)
        let shutdown = GracefulShutdown()
        async let running: Void = GracefulShutdown.$current.withValue(shutdown) { try await loop.run() }
        await bus.waitForCommit(group: "winnow.aggregator", topic: topic, atLeast: 3)
        shutdown.trigger()
        try await running

        let letters = bus.records(in: Topic.deadLetters)
        #expect(letters.map(\.value) == [outcomes[1].value])
        #expect(letters.first?.headers["kafka_dlt-exception-fqcn"] == "ContractError.unknown_step")
        #expect(
            metrics.render().contains(
                #"winnow_dead_letters_total{reason="ContractError.unknown_step",topic="\#(topic)"} 1"#))
        let stored = try await store.update([.numbered(1), .numbered(2)]) { _ in [] }
        #expect(stored.map(\.state) == [.completed, .completed])
        #expect(stored.map(\.totals.cost) == [PicoDollars(3), PicoDollars(3)])
    }
}
