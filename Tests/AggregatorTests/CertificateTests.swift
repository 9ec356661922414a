import Contracts
import Delivery
import MessageBus
import Settings
import Store
import Synchronization
import TestKit
import Testing

@testable import Aggregator

struct CertificateTests {
    private let store = InMemoryStore()
    private let bus = InMemoryBus(topics: [Topic.certificates: 1])

    private func sweeper(at now: @escaping @Sendable () -> Timestamp) throws -> Sweeper {
        var reader = SettingsReader(environment: [:])
        return Sweeper(
            service: "aggregator", store: store, producer: bus.producer(), settings: try SweeperSettings(&reader),
            logger: .silent, now: now)
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

    @Test func `at the start every task is told of, also those for which nothing stands`() async throws {
        let certificate = Certificate.of(Fixture.clause)
        try await store.registerCertificates([certificate])
        try await sweeper { Fixture.now }.publishCertificates()
        let told = try published()
        #expect(Set(told.map(\.route)) == Set(Route.requestable))
        #expect(told.count == Route.requestable.count)
        #expect(told.filter { !$0.certificates.isEmpty } == [.init(route: Fixture.clause, certificates: [certificate])])
    }

    @Test func `a change is told at once, and nothing else before the time is over`() async throws {
        let clock = ManualClock(Fixture.now)
        let sweeper = try sweeper { clock.now }
        let count = Route.requestable.count
        try await sweeper.publishCertificates()
        try await sweeper.publishCertificates()
        #expect(try published().count == count)
        let certificate = Certificate.of(Fixture.clause)
        try await store.registerCertificates([certificate])
        try await sweeper.publishCertificates()
        #expect(try published().count == 2 * count)
        _ = try await store.revoke(certificate.id, for: nil, why: "drift", at: Fixture.now)
        try await sweeper.publishCertificates()
        #expect(try published().suffix(count).allSatisfy(\.certificates.isEmpty))
        clock.advance(milliseconds: 14_999)
        try await sweeper.publishCertificates()
        #expect(try published().count == 3 * count)
        clock.advance(milliseconds: 1)
        try await sweeper.publishCertificates()
        #expect(try published().count == 4 * count)
    }

    @Test func `a tenant for whom a certificate is revoked is told of at once, with the certificate`() async throws {
        let sweeper = try sweeper { Fixture.now }
        let certificate = Certificate.of(Fixture.clause)
        try await store.registerCertificates([certificate])
        try await sweeper.publishCertificates()
        let tenant = TenantID(rawValue: "umbra")
        _ = try await store.revoke(certificate.id, for: tenant, why: "drift", at: Fixture.now)
        try await sweeper.publishCertificates()
        let last = try #require(try published().last { $0.route == Fixture.clause })
        #expect(last.certificates == [certificate] && last.revokedTenants == [certificate.id: [tenant]])
    }

    @Test func `what could not be written is written again`() async throws {
        var reader = SettingsReader(environment: [:])
        let broken = InMemoryBus(topics: [:])
        let sweeper = Sweeper(
            service: "aggregator", store: store, producer: broken.producer(), settings: try SweeperSettings(&reader),
            logger: .silent)
        await #expect(throws: MessageBusError.self) { try await sweeper.publishCertificates() }
        broken.createTopic(Topic.certificates, partitions: 1)
        try await sweeper.publishCertificates()
        #expect(broken.records(in: Topic.certificates).count == Route.requestable.count)
    }
}

private final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>

    init(_ time: Timestamp) { self.time = Mutex(time) }

    var now: Timestamp { time.withLock(\.self) }

    func advance(milliseconds: Int64) { time.withLock { $0 = $0.adding(milliseconds: milliseconds) } }
}
