import BuiltInCatalog
import Contracts
import Delivery
import Inference
import Lifecycle
import MessageBus
import Planning
import Synchronization
import Telemetry
import TestKit
import Testing
import WorkerKit

@Suite(.timeLimit(.minutes(1)))
struct CertificateFollowerTests {
    private static let clause = Route(.legalServices, "clause-type")
    private static let unfair = Route(.legalServices, "unfair-term")

    private let metrics = Metrics()
    private let lines = Lines()

    private func certificates(
        _ follower: TopicFollower, lifetime: Duration = StandingCertificates.lifetime,
        now: @escaping @Sendable () -> CertificateFollower.Instant = { .now }
    ) -> CertificateFollower {
        certificates(PublishedCertificates(follower, lifetime: lifetime, now: now))
    }

    private func certificates(_ published: PublishedCertificates, small: String = "7") -> CertificateFollower {
        CertificateFollower(
            models: [
                Self.clause: Self.pair(small), Self.unfair: Self.pair(small),
            ], published: published,
            logger: Logger(service: "test", level: .warning) { [lines] in lines.append($0) }, metrics: metrics)
    }

    private static func pair(_ small: String) -> ModelPair {
        ModelPair(
            small: ModelIdentity(name: "small", version: small), full: ModelIdentity(name: "full", version: "1"))
    }

    private func record(_ certificates: [Certificate], of route: Route = clause, offset: Int64) -> Record {
        let standing = StandingCertificates(route: route, certificates: certificates)
        let event = CloudEvent(
            id: "\(route)/\(offset)", type: EventType.certificate, source: "/winnow/test", data: standing.encode())
        return Record(
            event.record(topic: Topic.certificates, key: Array(route.description.utf8)), offset: offset)
    }

    /// The result of following a topic with these records.
    private func after(
        _ records: [Record], _ body: (CertificateFollower) async throws -> Void
    ) async throws {
        let reader = ScriptedReader(backlog: [Topic.certificates: Int64(records.count)])
        let follower = TopicFollower.reading(reader)
        let certificates = certificates(follower)
        reader.write(records)
        try await follower.whileRunning {
            await certificates.prepare()
            try await body(certificates)
        }
    }

    private func gauge(_ route: Route) -> Bool {
        metrics.render().contains(
            #"winnow_certificate_valid{capability="\#(route.capability)",task="\#(route.task)"} 1"# + "\n")
    }

    @Test func `without a certificate no answer is sure, and the metric says so`() async throws {
        try await after([]) { certificates in
            #expect(certificates.certificate(Self.clause, for: .default) == nil)
            let line = #"winnow_certificate_valid{capability="legal-services",task="clause-type"} 0"#
            #expect(metrics.render().contains(line))
        }
    }

    @Test func `a tenant for whom it was revoked has no certificate, and others have`() async throws {
        let certificate = Certificate.of(Self.clause)
        let umbra = TenantID(rawValue: "umbra")
        var excepting = record([certificate], offset: 0)
        let standing = StandingCertificates(
            route: Self.clause, certificates: [certificate], revokedTenants: [certificate.id: [umbra]])
        excepting.value = standing.encode()
        try await after([excepting]) { certificates in
            #expect(certificates.certificate(Self.clause, for: umbra) == nil)
            #expect(certificates.certificate(Self.clause, for: .default) == certificate)
            #expect(gauge(Self.clause))
        }
        #expect(lines.count(where: { $0.contains("everything escalates") }) == 0)
        try await after([excepting, record([certificate], offset: 1)]) { certificates in
            #expect(certificates.certificate(Self.clause, for: umbra) == certificate)
        }
    }

    @Test func `a certificate of the models that run holds for its task alone`() async throws {
        try await after([record([.of(Self.clause, acceptThreshold: 0.93)], offset: 0)]) { certificates in
            #expect(certificates.certificate(Self.clause, for: .default)?.acceptThreshold == 0.93)
            #expect(certificates.certificate(Self.unfair, for: .default) == nil)
            #expect(gauge(Self.clause))
            #expect(!gauge(Self.unfair))
        }
    }

    @Test(arguments: [("small@8", "full@1"), ("small@7", "full@2"), ("other@7", "full@1")])
    func `a certificate of another version on either side holds for nothing`(small: String, full: String) async throws {
        try await after([record([.of(Self.clause, small: small, full: full)], offset: 0)]) { certificates in
            #expect(certificates.certificate(Self.clause, for: .default) == nil)
            #expect(!gauge(Self.clause))
        }
    }

    @Test func `it finds its own among several valid certificates`() async throws {
        let standing = [
            Certificate.of(Self.clause, small: "small@8", acceptThreshold: 0.1),
            .of(Self.clause, acceptThreshold: 0.93),
        ]
        try await after([record(standing, offset: 0)]) {
            #expect($0.certificate(Self.clause, for: .default)?.acceptThreshold == 0.93)
        }
    }

    @Test func `the latest publication counts: revocations and new certificates need no restart`() async throws {
        let reader = ScriptedReader(backlog: [Topic.certificates: 2])
        let follower = TopicFollower.reading(reader)
        let certificates = certificates(follower)
        // Runs after the certificates have received each batch.
        let told = AsyncStream.makeStream(of: Void.self)
        follower.follow(Topic.certificates, from: .beginning, Signal()) { _ in told.continuation.yield() }
        var news = told.stream.makeAsyncIterator()
        reader.write([record([.of(Self.clause)], offset: 0), record([], offset: 1)])
        try await follower.whileRunning {
            await certificates.prepare()
            await news.next()
            #expect(certificates.certificate(Self.clause, for: .default) == nil)
            reader.write([record([.of(Self.clause, acceptThreshold: 0.8)], offset: 2)])
            await news.next()
            #expect(certificates.certificate(Self.clause, for: .default)?.acceptThreshold == 0.8)
            reader.write([record([], offset: 3)])
            await news.next()
            #expect(certificates.certificate(Self.clause, for: .default) == nil)
        }
        // Logged once each time, however often the certificate is requested.
        #expect(certificates.certificate(Self.clause, for: .default) == nil)
        #expect(lines.count(where: { $0.contains("everything escalates") }) == 2)
    }

    /// Publications that arrive when the test writes them, on a clock that the test advances.
    private func whilePublishing(
        _ body: (CertificateFollower, MonotonicClock, _ publish: ([Record]) async -> Void) async throws -> Void
    ) async throws {
        let reader = ScriptedReader()
        let follower = TopicFollower.reading(reader), clock = MonotonicClock()
        let certificates = certificates(follower) { clock.now }
        // Runs after the certificates have received each batch.
        let told = AsyncStream.makeStream(of: Void.self)
        follower.follow(Topic.certificates, from: .beginning, Signal()) { _ in told.continuation.yield() }
        var news = told.stream.makeAsyncIterator()
        try await follower.whileRunning {
            await certificates.prepare()
            try await body(certificates, clock) { records in
                reader.write(records)
                await news.next()
            }
        }
    }

    @Test func `a certificate expires when three publications were missed, and the next one brings it back`()
        async throws
    {
        try await whilePublishing { certificates, clock, publish in
            await publish([record([.of(Self.clause)], offset: 0)])
            // Three were due, at 15, 30 and 45 seconds; the fourth is due now.
            clock.advance(by: .seconds(60) - .nanoseconds(1))
            #expect(certificates.certificate(Self.clause, for: .default) != nil && gauge(Self.clause))
            clock.advance(by: .nanoseconds(1))
            #expect(certificates.certificate(Self.clause, for: .default) == nil && !gauge(Self.clause))
            #expect(certificates.certificate(Self.clause, for: .default) == nil)
            #expect(lines.count(where: { $0.contains("Certificate expired") }) == 1)
            await publish([record([.of(Self.clause)], offset: 1)])
            #expect(certificates.certificate(Self.clause, for: .default) != nil && gauge(Self.clause))
        }
        #expect(lines.count(where: { _ in true }) == 1)
    }

    @Test func `every publication counts anew from when it was read, and one that cannot be read does not count`()
        async throws
    {
        try await whilePublishing { certificates, clock, publish in
            await publish([record([.of(Self.clause)], offset: 0)])
            clock.advance(by: .seconds(59))
            await publish([record([.of(Self.clause)], offset: 1)])
            clock.advance(by: .seconds(59))
            #expect(certificates.certificate(Self.clause, for: .default) != nil)
            await publish([Record(OutgoingRecord(topic: Topic.certificates, key: nil, value: [0xFF]), offset: 2)])
            clock.advance(by: .seconds(1))
            #expect(certificates.certificate(Self.clause, for: .default) == nil)
        }
    }

    @Test func `a model that takes over has its own certificate at once, and the old one keeps its own`() async throws {
        let reader = ScriptedReader(backlog: [Topic.certificates: 1])
        let follower = TopicFollower.reading(reader)
        let published = PublishedCertificates(follower)
        let old = certificates(published)
        let both = [Certificate.of(Self.clause, acceptThreshold: 0.1), .of(Self.clause, small: "small@8")]
        reader.write([record(both, offset: 0)])
        try await follower.whileRunning {
            await old.prepare()
            let new = certificates(published, small: "8")
            #expect(new.certificate(Self.clause, for: .default)?.smallModel == "small@8")
            #expect(old.certificate(Self.clause, for: .default)?.smallModel == "small@7")
        }
    }

    @Test func `a certificate expires on time though no step asks for it`() async throws {
        let reader = ScriptedReader(backlog: [Topic.certificates: 1])
        let follower = TopicFollower.reading(reader)
        let published = PublishedCertificates(follower, lifetime: .milliseconds(20))
        let certificates = certificates(published)
        reader.write([record([.of(Self.clause)], offset: 0)])
        try await follower.whileRunning {
            await certificates.prepare()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await published.run() }
                await lines.wait(for: "Certificate expired")
                group.cancelAll()
            }
            #expect(!gauge(Self.clause))
        }
    }

    @Test func `what cannot be read changes nothing`() async throws {
        let unreadable = Record(OutgoingRecord(topic: Topic.certificates, key: nil, value: [0xFF]), offset: 1)
        var wrong = record([], offset: 2)
        wrong.value = Array(#"{"capability": "legal-services", "task": "clause-type", "certificates": [{}]}"#.utf8)
        try await after([record([.of(Self.clause)], offset: 0), unreadable, wrong]) { certificates in
            #expect(certificates.certificate(Self.clause, for: .default)?.acceptThreshold == 0.9)
        }
    }
}

private final class Lines: Sendable {
    private struct State {
        var written: [String] = []
        var awaited: [(text: String, signal: Signal)] = []
    }

    private let state = Mutex(State())

    func append(_ line: [UInt8]) {
        let line = String(decoding: line, as: UTF8.self)
        let found = state.withLock { state in
            state.written.append(line)
            return state.awaited.filter { line.contains($0.text) }
        }
        for awaited in found { awaited.signal.fire() }
    }

    func count(where condition: (String) -> Bool) -> Int { state.withLock { $0.written.count(where: condition) } }

    /// Returns once a line with `text` has been logged.
    func wait(for text: String) async {
        let signal = Signal()
        let isThere = state.withLock { state in
            state.awaited.append((text, signal))
            return state.written.contains { $0.contains(text) }
        }
        if !isThere { await signal.wait() }
    }
}

/// A monotonic clock that only the test advances.
private final class MonotonicClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { instant.withLock(\.self) }

    func advance(by duration: Duration) { instant.withLock { $0 = $0.advanced(by: duration) } }
}
