import Contracts
import MessageBus
import Settings
import Store
import Telemetry
import TestKit
import Testing

@testable import Aggregator

struct AgreementTests {
    private let store = InMemoryStore()
    private let bus = InMemoryBus(topics: [Topic.certificates: 1])
    private let metrics = Metrics()
    private let certificate = Certificate.of(Fixture.clause)

    private func sweeper() throws -> Sweeper {
        var reader = SettingsReader(environment: [:])
        return Sweeper(
            service: "aggregator", store: store, producer: bus.producer(), settings: try SweeperSettings(&reader),
            logger: .silent, metrics: metrics, now: { Fixture.now })
    }

    /// - Parameter disagree: of the items, every so manieth; 0 for none.
    private func compare(_ items: Range<Int>, disagree: Int) async throws {
        try await store.settle(
            [],
            comparing: items.map { item in
                ShadowComparison(
                    step: Step.ID(request: .numbered(UInt64(item)), ordinal: 0), item: 0, route: Fixture.clause,
                    smallModel: certificate.smallModel, fullModel: certificate.fullModel, certificate: certificate.id,
                    probability: 0.01, confidence: 0.99, agrees: disagree == 0 || item % disagree != 0,
                    decidedAt: Fixture.now, comparedAt: Fixture.now)
            })
    }

    @Test func `agreement is worked out for the hour and for the certificate`() async throws {
        try await store.registerCertificates([certificate])
        try await compare(0..<400, disagree: 200)
        try await sweeper().watchAgreement()
        let hour = Timestamp(milliseconds: Fixture.now.milliseconds / 3_600_000 * 3_600_000)
        for scope in [AgreementScope.hour(hour, Fixture.clause), .certificate(certificate.id)] {
            let agreement = try #require(try await store.agreement(of: scope))
            #expect(agreement.compared == 400 && agreement.disagreed == 2)
            #expect(abs(agreement.value - 0.995) < 1e-9)
            #expect(agreement.low < 0.99 && agreement.high > 0.997 && agreement.high < 1)
        }
        #expect(try await store.standingCertificates() == [certificate])
    }

    @Test func `a promise that is broken is revoked, and the workers are told in the same round`() async throws {
        try await store.registerCertificates([certificate])
        let sweeper = try sweeper()
        try await sweeper.publishCertificates()
        try await compare(0..<300, disagree: 0)
        try await sweeper.watchAgreement()
        #expect(try await store.standingCertificates() == [certificate])
        try await compare(300..<700, disagree: 10)
        try await sweeper.watchAgreement()
        #expect(try await store.standingCertificates().isEmpty)
        #expect(metrics.render().contains("winnow_certificates_revoked_total 1"))
        try await sweeper.publishCertificates()
        let told = try bus.records(in: Topic.certificates).compactMap { record in
            try CloudEvent(record).data.map { try StandingCertificates(decoding: $0) }
        }
        #expect(told.filter { $0.route == Fixture.clause }.map(\.certificates.count) == [1, 0])
    }

    @Test func `what compares with another certificate, or is rare, revokes nothing`() async throws {
        let newer = Certificate.of(Fixture.clause, id: 2, certifiedAt: Fixture.now)
        try await store.registerCertificates([certificate])
        try await store.registerCertificates([newer])
        try await compare(0..<400, disagree: 2)
        try await sweeper().watchAgreement()
        // The old one stands no more; nothing was said against the new one.
        #expect(try await store.standingCertificates() == [newer])
        #expect(metrics.render().contains("winnow_certificates_revoked_total 0"))
    }
}
