import BuiltInCatalog
import Contracts
import MessageBus
import Models
import StoreTesting
import Telemetry
import TestKit
import Testing
import WorkerKit

@testable import Escalator

/// A certificate that comes between two deliveries of a step.
struct TierPaidTests {
    private let tests = MiddleTierTests()

    private func handler(_ model: ScriptedModel, _ middle: MiddleTier?) -> EndpointEscalations {
        let endpoint = FullEndpoint(
            model: model, route: MiddleTierTests.clause, question: EndpointEscalationTests.question, comparator: .exact,
            itemsPerCall: 2, places: FullEndpoint.Places(4))
        return EndpointEscalations(
            service: "escalator", endpoints: [MiddleTierTests.clause: endpoint],
            encoders: EndpointEscalationTests.encoders(tests.store, middle: middle),
            ledger: EndpointLedger(tests.store), catalog: MiddleTierTests.catalog, cancellations: NoCancellations(),
            metrics: Metrics())
    }

    @Test func `what the full model was paid for stands, although the middle model is sure of some of it now`()
        async throws
    {
        let model = ScriptedModel { text, _ in .answers(.label("endpoint of \(text)")) }
        let record = Record.escalation(tests.escalation(), of: tests.id)
        let without = try tests.tier(KnownCertificates(acceptThreshold: nil))
        _ = try await handler(model, without).handle(record)
        let asked = model.texts
        #expect(asked.sorted() == ["hard", "mild"])
        let again = try await handler(model, try tests.tier()).handle(record).first?.outcome()
        #expect(again?.answers.map { $0?.label } == ["endpoint of mild", "w", "endpoint of hard"])
        #expect(model.texts == asked)
        #expect(tests.middle.calls.isEmpty)
    }
}
