import BuiltInCatalog
import Contracts
import MessageBus
import MessageBusTesting
import Planning
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import Aggregator

struct AgreementTests {
    private let store = InMemoryStore()
    private let bus = InMemoryBus(topics: [Topic.certificates: 1])
    private let metrics = Metrics()
    private let certificate = Certificate.of(Fixture.clause)

    private func chore(_ register: (any AgreementRegister)? = nil) -> AgreementChore {
        AgreementChore(
            interval: .seconds(1), store: register ?? store, limit: 500, logger: .silent, metrics: metrics,
            now: { Fixture.now })
    }

    private func publication() -> CertificateChore {
        CertificateChore(
            interval: .seconds(1), source: EventSource(service: "aggregator"), store: store, producer: bus.producer(),
            republishMilliseconds: 15_000, catalog: .builtIn, logger: .silent, metrics: metrics, now: { Fixture.now })
    }

    /// - Parameter disagree: every nth item disagrees; 0 means none.
    private func compare(
        _ items: Range<Int>, of tenant: String = "acme", disagree: Int, text: (Int) -> String = { "\($0)" }
    ) async throws {
        try await store.settle(
            [],
            comparing: items.map { item in
                ShadowComparison(
                    step: Step.ID(request: .numbered(UInt64(item)), ordinal: 0), item: 0,
                    tenant: TenantID(rawValue: tenant), text: "\(tenant) \(text(item))", route: Fixture.clause,
                    smallModel: certificate.smallModel, fullModel: certificate.fullModel, certificate: certificate.id,
                    probability: 0.01, confidence: 0.99, agrees: disagree == 0 || item % disagree != 0,
                    decidedAt: Fixture.now, comparedAt: Fixture.now)
            })
    }

    /// Runs rounds until all comparisons have been judged.
    private func watch(_ chore: AgreementChore) async throws {
        for _ in 0..<20 { _ = try await chore.work() }
    }

    private func revokedTenants() async throws -> Set<String> {
        Set(try await store.revokedTenants(of: [certificate.id])[certificate.id, default: []].map(\.rawValue))
    }

    @Test func `agreement is worked out for the hour, for the tenant and for the certificate`() async throws {
        try await store.registerCertificates([certificate])
        try await compare(0..<400, disagree: 200)
        try await watch(chore())
        let hour = Timestamp(milliseconds: Fixture.now.milliseconds / 3_600_000 * 3_600_000)
        let tenant = TenantID(rawValue: "acme")
        for scope in [
            AgreementScope.hour(hour, Fixture.clause, tenant), .tenant(certificate.id, tenant),
            .certificate(certificate.id),
        ] {
            let agreement = try #require(try await store.agreement(of: scope))
            #expect(agreement.compared == 400 && agreement.disagreed == 2)
            #expect(abs(agreement.value - 0.995) < 1e-9)
            #expect(agreement.low < 0.99 && agreement.high > 0.997 && agreement.high < 1)
        }
        #expect(try await store.standingCertificates() == [certificate])
        #expect(try await revokedTenants().isEmpty)
    }

    @Test func `a tenant that drifts loses the certificate, the others keep it, and the workers are told`()
        async throws
    {
        try await store.registerCertificates([certificate])
        let (chore, publication) = (chore(), publication())
        _ = try await publication.work()
        try await compare(0..<300, disagree: 0)
        try await compare(0..<5_000, of: "big and easy", disagree: 0)
        try await watch(chore)
        #expect(try await revokedTenants().isEmpty)
        try await compare(300..<700, disagree: 10)
        try await watch(chore)
        #expect(try await store.standingCertificates() == [certificate])
        #expect(try await revokedTenants() == ["acme"])
        #expect(metrics.render().contains(#"winnow_certificates_revoked_total{scope="tenant"} 1"#))
        try await compare(700..<900, disagree: 10)
        try await watch(chore)
        #expect(metrics.render().contains(#"winnow_certificates_revoked_total{scope="tenant"} 1"#))
        _ = try await publication.work()
        let told = try bus.records(in: Topic.certificates).compactMap { record in
            try CloudEvent(record).data.map { try StandingCertificates(decoding: $0) }
        }
        #expect(
            told.filter { $0.route == Fixture.clause }.map { $0.revokedTenants[certificate.id]?.count ?? 0 } == [0, 1])
    }

    @Test func `one sentence that is sent four thousand times revokes nothing`() async throws {
        try await store.registerCertificates([certificate])
        try await compare(0..<200, of: "honest", disagree: 0)
        try await compare(0..<4_000, of: "attacker", disagree: 1) { _ in "one sentence" }
        try await watch(chore())
        #expect(try await store.standingCertificates() == [certificate])
        #expect(try await revokedTenants().isEmpty)
        let agreement = try await store.agreement(of: .tenant(certificate.id, TenantID(rawValue: "attacker")))
        #expect(agreement?.compared == 1 && agreement?.disagreed == 1)
    }

    @Test func `a tenant that sends only what the models differ on escalates alone`() async throws {
        try await store.registerCertificates([certificate])
        for honest in 0..<3 { try await compare(0..<200, of: "honest \(honest)", disagree: 150) }
        try await compare(0..<4_000, of: "attacker", disagree: 1)
        try await watch(chore())
        #expect(try await store.standingCertificates() == [certificate])
        #expect(try await revokedTenants() == ["attacker"])
    }

    @Test func `a certificate that all tenants together disprove is revoked for everybody`() async throws {
        try await store.registerCertificates([certificate])
        let chore = chore()
        for tenant in 0..<3 { try await compare(0..<100, of: "tenant \(tenant)", disagree: 5) }
        try await watch(chore)
        #expect(try await store.standingCertificates() == [certificate])
        for tenant in 3..<6 { try await compare(0..<100, of: "tenant \(tenant)", disagree: 5) }
        try await watch(chore)
        #expect(try await store.standingCertificates().isEmpty)
        #expect(metrics.render().contains(#"winnow_certificates_revoked_total{scope="everybody"} 1"#))
    }

    @Test func `a process that dies when it has judged has revoked what the evidence disproves`() async throws {
        try await store.registerCertificates([certificate])
        try await compare(0..<400, disagree: 1)
        await #expect(throws: CancellationError.self) { try await chore(DiesWhenJudged(store: store)).work() }
        #expect(try await revokedTenants() == ["acme"])
        // The process died before it reported the revocation, and the next process does not report it either.
        try await watch(chore())
        #expect(metrics.render().contains(#"winnow_certificates_revoked_total{scope="tenant"} 0"#))
    }

    @Test func `more revoked tenants than a message can name revoke the certificate for everybody`() async throws {
        try await store.registerCertificates([certificate])
        for number in 0...StandingCertificates.mostRevokedTenants {
            _ = try await store.revoke(
                certificate.id, for: TenantID(rawValue: "tenant \(number)"), why: "drift", at: Fixture.now)
        }
        try await compare(0..<1, disagree: 0)
        try await watch(chore())
        #expect(try await store.standingCertificates().isEmpty)
    }

    @Test func `comparisons under another certificate, or too few comparisons, revoke nothing`() async throws {
        let newer = Certificate.of(Fixture.clause, id: 2, certifiedAt: Fixture.now)
        try await store.registerCertificates([certificate])
        try await store.registerCertificates([newer])
        try await compare(0..<400, disagree: 2)
        try await watch(chore())
        // The old certificate is no longer valid, and no item was compared under the new one.
        #expect(try await store.standingCertificates() == [newer])
        #expect(metrics.render().contains(#"winnow_certificates_revoked_total{scope="everybody"} 0"#))
    }
}

/// A store that commits and then hangs.
private struct DiesWhenJudged: AgreementRegister {
    let store: InMemoryStore

    func judge(
        limit: Int, _ verdict: @escaping @Sendable (AgreementEvidence) -> AgreementVerdict
    ) async throws -> (evidence: AgreementEvidence, revoked: [Revocation]) {
        _ = try await store.judge(limit: limit, verdict)
        throw CancellationError()
    }
}
