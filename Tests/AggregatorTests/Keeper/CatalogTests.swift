import BuiltInCatalog
import CatalogFile
import Contracts
import MessageBus
import MessageBusTesting
import Planning
import Store
import StoreTesting
import Synchronization
import TestKit
import Testing

@testable import Aggregator

final class CatalogTests: Sendable {
    private let store = InMemoryStore()
    private let bus = InMemoryBus(topics: [Topic.catalog: 1])
    private let clock = Mutex(Fixture.now)

    private func chore() -> CatalogChore {
        CatalogChore(
            interval: .seconds(1), source: EventSource(service: "aggregator"), store: store, producer: bus.producer(),
            republishMilliseconds: 15_000, logger: .silent, now: { self.clock.withLock(\.self) })
    }

    private func published() throws -> [String] {
        try bus.records(in: Topic.catalog).map { record in
            #expect(record.key == Array("catalog".utf8))
            let event = try CloudEvent(record, as: EventType.catalog)
            #expect(try CatalogFile.read(catalog: event.data ?? [], file: "record") == .builtIn)
            return event.id
        }
    }

    @discardableResult
    private func apply(after previous: Int64?) async throws -> Int64 {
        let version = try await store.addCatalog(
            CatalogFile.write(.builtIn), fingerprint: String(repeating: "0", count: 64), after: previous)
        return try #require(version).number
    }

    @Test func `nothing is published before a catalog is applied`() async throws {
        #expect(try await chore().work() == .nothing)
        #expect(try published() == [])
    }

    @Test func `a version is published once, again after a while, and a new one at once`() async throws {
        let chore = chore()
        let first = try await apply(after: nil)
        for _ in 0..<2 { _ = try await chore.work() }
        #expect(try published() == ["\(first)"])
        clock.withLock { $0 = $0.adding(milliseconds: 15_000) }
        for _ in 0..<2 { _ = try await chore.work() }
        #expect(try published() == ["\(first)", "\(first)"])
        let second = try await apply(after: first)
        _ = try await chore.work()
        #expect(try published().last == "\(second)")
    }

    @Test func `a new leader publishes the version that stands`() async throws {
        let first = try await apply(after: nil)
        _ = try await chore().work()
        _ = try await chore().work()
        #expect(try published() == ["\(first)", "\(first)"])
    }
}
