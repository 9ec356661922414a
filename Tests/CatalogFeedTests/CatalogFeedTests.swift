import BuiltInCatalog
import CatalogFile
import Contracts
import Delivery
import Lifecycle
import MessageBus
import MessageBusTesting
import Signing
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import CatalogFeed

struct CatalogFeedTests {
    private let bus = InMemoryBus(topics: [Topic.catalog: 1])
    private static let legal = Catalog(Catalog.builtIn.capabilities.filter { $0.name == .legalServices })

    private func follower() -> TopicFollower { .reading(InMemoryReader(bus, topic: Topic.catalog)) }

    private func publish(_ catalog: Catalog, _ number: Int64) async throws {
        let version = CatalogVersion(
            number: number, appliedAt: Timestamp(milliseconds: 0), fingerprint: "", body: CatalogFile.write(catalog))
        try await bus.producer().send([
            CatalogMessage.record(of: version, from: "/test", at: Timestamp(milliseconds: 0))
        ])
    }

    private func live(
        _ follower: TopicFollower, isUsable: @escaping @Sendable (Catalog) -> Bool = { _ in true }
    ) async throws -> LiveCatalog {
        try await CatalogFeed.live(
            follower: follower, signing: .none, logger: .silent,
            open: { [bus] _ in InMemoryReader(bus, topic: Topic.catalog) }, isUsable: isUsable)
    }

    @Test func `a process starts with the newest catalog that it can use`() async throws {
        try await publish(.builtIn, 1)
        try await bus.producer().send([
            OutgoingRecord(topic: Topic.catalog, key: nil, value: Array("CANARY".utf8), headers: [])
        ])
        let first = try await live(follower())
        #expect(first.current == .builtIn && first.version == 1)
    }

    @Test func `a process waits for a catalog that has what it serves`() async throws {
        let waiting = Task { [self] in
            try await live(follower()) { $0.smallModel(of: .legalServices) != nil }
        }
        try await publish(Catalog(Catalog.builtIn.capabilities.filter { $0.name == .securityServices }), 1)
        try await publish(Self.legal, 2)
        #expect(try await waiting.value.version == 2)
    }

    @Test func `a newer version takes effect while the process runs, and an older one does not`() async throws {
        try await publish(Self.legal, 7)
        let follower = follower()
        let live = try await live(follower)
        let running = Task { try await follower.run() }
        try await publish(.builtIn, 8)
        try await publish(Self.legal, 7)
        while live.version != 8 { await Task.yield() }
        running.cancel()
        _ = await running.result
        #expect(live.current == .builtIn && live.version == 8)
    }

    @Test func `a process that is stopped before any catalog comes ends`() async throws {
        let shutdown = GracefulShutdown()
        let waiting = Task { [self] in
            try await GracefulShutdown.$current.withValue(shutdown) { try await live(follower()) }
        }
        shutdown.trigger()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func `the publisher starts with the version of the store, and waits for it`() async throws {
        let store = InMemoryStore()
        let waiting = Task { [self] in
            try await CatalogFeed.live(
                from: store, follower: follower(), logger: .silent, retry: .milliseconds(1))
        }
        let version = try await store.addCatalog(CatalogFile.write(Self.legal), fingerprint: "", after: nil)
        let live = try await waiting.value
        #expect(live.current == Self.legal && live.version == version?.number)
    }
}
