import BuiltInCatalog
import Contracts
import Delivery
import MessageBus
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import WorkerKit

final class CatalogHandlerTests: Sendable {
    private struct NamedHandler: BatchHandler {
        let name: String

        func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
            [OutgoingRecord(topic: name, key: nil, value: [])]
        }

        func isSlow(_ record: Record) -> Bool { record.topic == name }

        func handleSlow(_ record: Record) async throws -> [OutgoingRecord] {
            [OutgoingRecord(topic: "slow-" + name, key: nil, value: [])]
        }
    }

    private struct Broken: Error {}

    private let catalog = LiveCatalog(.builtIn, version: 1)
    private let readiness = Mutex<[Bool]>([])
    private let builds = Mutex(0)

    /// A handler that is named after the capability's small model.
    private func handler() throws -> CatalogHandler<NamedHandler, CapabilityDescription?> {
        try CatalogHandler(
            catalog, key: { $0[.legalServices] }, logger: .silent,
            onReadiness: { ready in self.readiness.withLock { $0.append(ready) } }
        ) { catalog in
            self.builds.withLock { $0 += 1 }
            guard let model = catalog.smallModel(of: .legalServices), model != "broken" else { throw Broken() }
            return NamedHandler(name: model)
        }
    }

    private func apply(_ model: String, version: Int64) {
        let capabilities = Catalog.builtIn.capabilities.map { capability in
            var capability = capability
            guard capability.name == .legalServices else { return capability }
            for index in capability.tasks.indices { capability.tasks[index].models.small = model }
            return capability
        }
        #expect(catalog.replace(with: Catalog(capabilities), version: version))
    }

    private func answer(of handler: some BatchHandler) async throws -> String? {
        try await handler.handle([]).first?.topic
    }

    @Test func `a new model takes over between two batches, and is built once`() async throws {
        let handler = try handler()
        #expect(try await answer(of: handler) == "legal-services")
        apply("newer", version: 2)
        for _ in 0..<3 { #expect(try await answer(of: handler) == "newer") }
        #expect(builds.withLock(\.self) == 2)
        #expect(readiness.withLock(\.self) == [true])
    }

    @Test func `the new model says which records are slow, and handles them`() async throws {
        let handler = try handler()
        apply("newer", version: 2)
        let records = ["newer", "legal-services"].map {
            Record(topic: $0, partition: 0, offset: 0, timestamp: .now, key: nil, value: nil)
        }
        #expect(records.map(handler.isSlow) == [true, false])
        #expect(try await handler.handleSlow(records[0]).map(\.topic) == ["slow-newer"])
    }

    @Test func `a change of another capability builds nothing`() async throws {
        let handler = try handler()
        let others = Catalog.builtIn.capabilities.filter { $0.name != .securityServices }
        #expect(catalog.replace(with: Catalog(others), version: 2))
        #expect(try await answer(of: handler) == "legal-services")
        #expect(builds.withLock(\.self) == 1)
    }

    @Test func `a model that does not load leaves the old one serving, and the next version is another try`()
        async throws
    {
        let handler = try handler()
        apply("broken", version: 2)
        for _ in 0..<2 { #expect(try await answer(of: handler) == "legal-services") }
        #expect(builds.withLock(\.self) == 2)
        #expect(readiness.withLock(\.self) == [false])
        apply("newer", version: 3)
        #expect(try await answer(of: handler) == "newer")
        #expect(readiness.withLock(\.self) == [false, true])
    }

    @Test func `a process does not start with a model that does not load`() {
        apply("broken", version: 2)
        #expect(throws: Broken.self) { try handler() }
    }
}
