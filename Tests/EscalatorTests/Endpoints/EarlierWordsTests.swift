import BuiltInCatalog
import CatalogFeed
import CatalogFile
import Contracts
import Models
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing
import WorkerKit

@testable import Escalator

/// A request is asked about in the words of the catalog that accepted it, also after another one is in force.
struct EarlierWordsTests {
    private static let clause = EndpointEscalationTests.clause

    private static func catalog(_ description: String) throws -> Catalog {
        let capabilities = Catalog.builtIn.capabilities.map { capability in
            var capability = capability
            for index in capability.tasks.indices where Route(capability.name, capability.tasks[index].name) == clause {
                capability.tasks[index].description = description
            }
            return capability
        }
        return Catalog(capabilities)
    }

    @Test(arguments: [(1, "First."), (2, "Second."), (nil, "Second.")] as [(Int64?, String)])
    func `the question is that of the request's version`(version: Int64?, words: String) async throws {
        let store = InMemoryStore()
        let catalogs = [try Self.catalog("First."), try Self.catalog("Second.")]
        for (place, catalog) in catalogs.enumerated() {
            _ = try await store.addCatalog(
                CatalogFile.write(catalog), fingerprint: CatalogFile.fingerprint(catalog),
                after: place == 0 ? nil : Int64(place))
        }
        func question(_ catalog: Catalog) throws -> Models.Question {
            let task = try #require(catalog[Self.clause])
            let asked: Models.Question? = .init(task, as: Self.clause)
            return try #require(asked)
        }
        let model = EndpointEscalationTests.labelled()
        let endpoint = FullEndpoint(
            model: model, route: Self.clause, question: try question(catalogs[1]), comparator: .exact, itemsPerCall: 1,
            places: FullEndpoint.Places(4))
        let live = LiveCatalog(catalogs[1], version: 2)
        let handler = EndpointEscalations(
            service: "escalator", endpoints: [Self.clause: endpoint], encoders: EndpointEscalationTests.encoders(store),
            ledger: EndpointLedger(store), catalog: live, earlier: EarlierCatalogs(live, store),
            cancellations: NoCancellations(), metrics: Metrics())
        let escalation = Escalation(
            step: 0, route: Self.clause, open: [.init(index: 0, text: "first")], answers: [nil], attempts: [],
            catalogVersion: version)
        let outcome = try await handler.handle(.escalation(escalation, of: .numbered(1))).first?.outcome()
        let asked = try question(catalogs[words == "First." ? 0 : 1])
        #expect(asked.description == words)
        #expect(outcome?.answers.first??.model == ModelIdentity(model.identity, asked: asked).description)
    }
}
