import BuiltInCatalog
import Contracts
import MessageBus
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing
import WorkerKit

@testable import Escalator

/// A record may wait so long that the full model of its task is another one than when it was read.
struct ChangedModelTests {
    private static let payload = Route(.securityServices, "payload")

    private let store = InMemoryStore()
    private let model = EndpointEscalationTests.labelled()

    /// One task has an endpoint, and all others an encoder.
    private func handler() throws -> FullModelHandler {
        let clause = EndpointEscalationTests.clause
        let endpoint = FullEndpoint(
            model: model, route: clause, question: EndpointEscalationTests.question, comparator: .exact,
            itemsPerCall: 1, places: FullEndpoint.Places(4))
        let (ledger, prices) = (EndpointLedger(store), PriceBook(store: store))
        let encoder = ScriptedClassifier("full", version: "2", routes: [Self.payload]) { text, _ in .of(text, "encoded")
        }
        let escalations = EscalationHandler(
            service: "escalator", classifier: encoder, ledger: store, prices: prices, catalog: LiveCatalog(.builtIn))
        return FullModelHandler(
            escalations: escalations,
            shadows: ShadowHandler(
                service: "escalator", classifier: encoder, register: store, prices: prices,
                catalog: LiveCatalog(.builtIn)),
            endpoints: FullModelHandler.Endpoints(
                escalations: EndpointEscalations(
                    service: "escalator", endpoints: [clause: endpoint], encoders: escalations, ledger: ledger,
                    catalog: LiveCatalog(.builtIn), cancellations: NoCancellations(), metrics: Metrics()),
                shadows: EndpointShadows(
                    service: "escalator", endpoints: [clause: endpoint], ledger: ledger, register: store,
                    catalog: LiveCatalog(.builtIn))))
    }

    private func record(_ route: Route, _ number: UInt64) -> Record {
        .escalation(
            Escalation(step: 0, route: route, open: [.init(index: 0, text: "first")], answers: [nil], attempts: []),
            of: .numbered(number))
    }

    @Test func `a record that was slow is answered by the encoder that its task has now`() async throws {
        let outcome = try await handler().handleSlow(record(Self.payload, 1)).first?.outcome()
        #expect(outcome?.answers.map { $0?.label } == ["encoded"])
        #expect(model.texts.isEmpty)
    }

    @Test func `a record of a batch is answered by the endpoint that its task has now, beside the others`() async throws
    {
        let records = [record(EndpointEscalationTests.clause, 1), record(Self.payload, 2)]
        let outcomes = try await handler().handle(records).map { try $0.outcome() }
        #expect(Set(outcomes.map { $0.answers.first??.label }) == ["a", "encoded"])
        #expect(model.texts == ["first"])
    }
}
