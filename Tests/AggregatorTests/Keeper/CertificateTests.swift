import BuiltInCatalog
import Contracts
import MessageBus
import MessageBusTesting
import Planning
import Store
import StoreTesting
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Aggregator

struct CertificateTests {
    private let store = InMemoryStore()
    private let bus = InMemoryBus(topics: [Topic.certificates: 1])

    private func publication(
        to bus: InMemoryBus? = nil, at now: @escaping @Sendable () -> Timestamp = { Fixture.now }
    ) -> CertificateChore {
        CertificateChore(
            interval: .seconds(1), source: EventSource(service: "aggregator"), store: store,
            producer: (bus ?? self.bus).producer(), republishMilliseconds: 15_000, catalog: .builtIn, logger: .silent,
            metrics: Metrics(), now: now)
    }

    private func published() throws -> [StandingCertificates] {
        try bus.records(in: Topic.certificates).map { record in
            let event = try CloudEvent(record)
            #expect(event.type == EventType.certificate)
            let standing = try StandingCertificates(decoding: event.data ?? [])
            #expect(record.key == Array(standing.route.description.utf8))
            return standing
        }
    }

    @Test func `at the start every task is published, also tasks without a valid certificate`() async throws {
        let certificate = Certificate.of(Fixture.clause)
        try await store.registerCertificates([certificate])
        _ = try await publication().work()
        let told = try published()
        #expect(Set(told.map(\.route)) == Set(Catalog.builtIn.routes))
        #expect(told.count == Catalog.builtIn.routes.count)
        #expect(told.filter { !$0.certificates.isEmpty } == [.init(route: Fixture.clause, certificates: [certificate])])
    }

    @Test func `a change is published at once, and an unchanged state only after the interval`() async throws {
        let clock = ManualClock(Fixture.now)
        let publication = publication { clock.now }
        let count = Catalog.builtIn.routes.count
        _ = try await publication.work()
        _ = try await publication.work()
        #expect(try published().count == count)
        let certificate = Certificate.of(Fixture.clause)
        try await store.registerCertificates([certificate])
        _ = try await publication.work()
        #expect(try published().count == 2 * count)
        _ = try await store.revoke(certificate.id, for: nil, why: "drift", at: Fixture.now)
        _ = try await publication.work()
        #expect(try published().suffix(count).allSatisfy(\.certificates.isEmpty))
        clock.advance(milliseconds: 14_999)
        _ = try await publication.work()
        #expect(try published().count == 3 * count)
        clock.advance(milliseconds: 1)
        _ = try await publication.work()
        #expect(try published().count == 4 * count)
    }

    @Test func `a revocation for a tenant is published at once, with the certificate`() async throws {
        let publication = publication()
        let certificate = Certificate.of(Fixture.clause)
        try await store.registerCertificates([certificate])
        _ = try await publication.work()
        let tenant = TenantID(rawValue: "umbra")
        _ = try await store.revoke(certificate.id, for: tenant, why: "drift", at: Fixture.now)
        _ = try await publication.work()
        let last = try #require(try published().last { $0.route == Fixture.clause })
        #expect(last.certificates == [certificate] && last.revokedTenants == [certificate.id: [tenant]])
    }

    @Test func `a publication that could not be written is written again`() async throws {
        let broken = InMemoryBus(topics: [:])
        let publication = publication(to: broken)
        await #expect(throws: MessageBusError.self) { try await publication.work() }
        broken.createTopic(Topic.certificates, partitions: 1)
        _ = try await publication.work()
        #expect(broken.records(in: Topic.certificates).count == Catalog.builtIn.routes.count)
    }
}

private final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>

    init(_ time: Timestamp) { self.time = Mutex(time) }

    var now: Timestamp { time.withLock(\.self) }

    func advance(milliseconds: Int64) { time.withLock { $0 = $0.adding(milliseconds: milliseconds) } }
}
