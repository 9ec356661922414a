import Contracts
import Store
import Testing

@testable import PostgresStore

/// Evidence counts as judged in the same transaction as the verdict's revocations, or not at all.
@Suite struct JudgementTests {
    private static let acme = TenantID(rawValue: "acme"), umbra = TenantID(rawValue: "umbra")
    private let certificate = Fixture.certificate("1")

    private func compare(_ text: String, in store: any ShadowRegister) async throws {
        try await store.settle(
            [],
            comparing: [
                ShadowComparison(
                    step: Step.ID(request: Fixture.id(), ordinal: 0), item: 0, tenant: Self.acme, text: text,
                    route: certificate.route, smallModel: certificate.smallModel, fullModel: certificate.fullModel,
                    certificate: certificate.id, probability: 0.01, confidence: 0.97, agrees: false,
                    decidedAt: Fixture.noon, comparedAt: Fixture.noon)
            ])
    }

    private func revocation(for tenant: TenantID?, reason: String = "drift") -> Revocation {
        Revocation(of: certificate.id, for: tenant, reason: reason, at: Fixture.noon)
    }

    @Test(arguments: StoreKind.allCases)
    func `a revocation is stored with the verdict on the evidence, and returned if it is new`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            try await store.registerCertificates([certificate, Fixture.certificate("2", task: "unfair-term")])
            try await compare("a", in: store)
            let known = AgreementVerdict(revocations: [revocation(for: Self.umbra), revocation(for: Self.acme)])
            #expect(try await store.revoke(certificate.id, for: Self.umbra, why: "an operator", at: Fixture.noon))
            let first = try await store.judge(limit: 10) { _ in known }
            #expect(first.revoked == [revocation(for: Self.acme)])
            #expect(try await store.revokedTenants(of: [certificate.id]) == [certificate.id: [Self.acme, Self.umbra]])
            #expect(try await store.standingCertificates().map(\.id).contains(certificate.id))

            try await compare("b", in: store)
            let forAll = AgreementVerdict(revocations: [revocation(for: nil), revocation(for: Self.acme)])
            let second = try await store.judge(limit: 10) { _ in forAll }
            #expect(second.revoked == [revocation(for: nil)])
            #expect(try await !store.standingCertificates().map(\.id).contains(certificate.id))
            #expect(try await store.judge(limit: 10) { _ in forAll }.revoked.isEmpty)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `the verdict is given the certificates that stand, and whom they are revoked for`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let other = Fixture.certificate("2", task: "unfair-term")
            try await store.registerCertificates([certificate, other])
            for id in [certificate.id, other.id] {
                #expect(try await store.revoke(id, for: Self.umbra, why: "drift", at: Fixture.noon))
            }
            try await compare("a", in: store)
            let judged = try await store.judge(limit: 10) { _ in AgreementVerdict() }
            #expect(Set(judged.evidence.standing.map(\.id)) == [certificate.id, other.id])
            // Only for the certificates of the evidence.
            #expect(judged.evidence.revokedTenants == [certificate.id: [Self.umbra]])
            #expect(try await store.judge(limit: 10) { _ in AgreementVerdict() }.evidence == .none)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a certificate that is not known is left out of the revocations`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await compare("a", in: store)
            let verdict = AgreementVerdict(revocations: [revocation(for: nil), revocation(for: Self.acme)])
            #expect(try await store.judge(limit: 10) { _ in verdict }.revoked.isEmpty)
        }
    }

    @Test func `a verdict that cannot be written revokes nothing, and the evidence is judged again`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.registerCertificates([certificate])
            try await compare("a", in: store)
            let unknown = Agreement(
                scope: .certificate(Fixture.certificate("7").id), compared: 1, disagreed: 0, value: 1, low: 0, high: 1)
            let revocations = [revocation(for: Self.acme)]
            await #expect(throws: StoreError.self) {
                try await store.judge(limit: 10) { _ in
                    AgreementVerdict(agreements: [unknown], revocations: revocations)
                }
            }
            #expect(try await store.revokedTenants(of: [certificate.id]).isEmpty)
            let again = try await store.judge(limit: 10) { _ in AgreementVerdict(revocations: revocations) }
            #expect(again.evidence.samples.map(\.hasGrown) == [true, true])
            #expect(again.revoked == revocations)
        }
    }

    @Test func `evidence whose revocation cannot be written stays to be judged`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.registerCertificates([certificate])
            try await compare("a", in: store)
            try await database.run(
                "ALTER TABLE winnow.certificate_tenant_revocation ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
            let revocations = [revocation(for: Self.acme)]
            await #expect(throws: StoreError.self) {
                try await store.judge(limit: 10) { _ in AgreementVerdict(revocations: revocations) }
            }
            try await database.run("ALTER TABLE winnow.certificate_tenant_revocation DROP CONSTRAINT full_disk")
            let again = try await store.judge(limit: 10) { _ in AgreementVerdict(revocations: revocations) }
            #expect(again.revoked == revocations)
            #expect(
                try await database.column(
                    """
                    SELECT concat_ws(' ', tenant_id, reason, revoked_at = '\(Fixture.noon)')
                    FROM winnow.certificate_tenant_revocation
                    """) == ["acme drift t"])
        }
    }
}
