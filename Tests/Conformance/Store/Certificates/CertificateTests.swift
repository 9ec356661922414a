import Contracts
import PostgresStore
import Store
import Testing

@Suite struct CertificateTests {
    private static let later = Fixture.noon.adding(milliseconds: 1)

    @Test(arguments: StoreKind.allCases)
    func `of each pair of models the newest stands, task by task`(kind: StoreKind) async throws {
        try await kind.with { store in
            let old = Fixture.certificate("1"), new = Fixture.certificate("2", at: Self.later)
            let other = Fixture.certificate("3", small: "small@8")
            let issue = Fixture.certificate("4", task: "unfair-term")
            try await store.registerCertificates([])
            try await store.registerCertificates([new, issue, old])
            try await store.registerCertificates([other, old])
            #expect(try await store.standingCertificates() == [new, other, issue])
        }
    }

    @Test func `a certificate that cannot be read does not stand and hides no other`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let broken = Fixture.certificate("1"), good = Fixture.certificate("2", task: "unfair-term")
            try await store.registerCertificates([broken, good])
            try await database.run(
                """
                ALTER TABLE winnow.certificate DISABLE TRIGGER USER;
                UPDATE winnow.certificate SET body = '{"id":7}' WHERE task = 'clause-type'
                """)
            #expect(
                try await store.readCertificates()
                    == CertificateReading(standing: [good], unreadable: [broken.id.description]))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a certificate that is known stays as it is`(kind: StoreKind) async throws {
        try await kind.with { store in
            let certificate = Fixture.certificate("1")
            try await store.registerCertificates([certificate])
            try await store.registerCertificates([Fixture.certificate("1", small: "forged@1")])
            #expect(try await store.standingCertificates() == [certificate])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `after the newest certificate is revoked no older one is valid, only a newer one`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            let old = Fixture.certificate("1"), new = Fixture.certificate("2", at: Self.later)
            try await store.registerCertificates([old, new])
            #expect(try await store.revoke(new.id, for: nil, why: "drift", at: Self.later))
            #expect(try await store.revoke(new.id, for: nil, why: "again", at: Self.later))
            #expect(try await store.standingCertificates() == [])
            // Every start of a stack registers certificates again.
            try await store.registerCertificates([old, new])
            #expect(try await store.standingCertificates() == [])
            let newest = Fixture.certificate("3", at: Self.later.adding(milliseconds: 1))
            try await store.registerCertificates([newest])
            #expect(try await store.standingCertificates() == [newest])
            #expect(try await !store.revoke(Fixture.certificate("9").id, for: nil, why: "unknown", at: Self.later))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a certificate that is revoked for tenants still stands for the others`(kind: StoreKind) async throws {
        try await kind.with { store in
            let (one, other) = (Fixture.certificate("1"), Fixture.certificate("2", task: "unfair-term"))
            try await store.registerCertificates([one, other])
            #expect(try await store.revokedTenants(of: [one.id, other.id]).isEmpty)
            let tenants = ["acme", "umbra"].map { TenantID(rawValue: $0) }
            for tenant in tenants + tenants {
                #expect(try await store.revoke(one.id, for: tenant, why: "drift", at: Self.later))
            }
            let unknown = Fixture.certificate("9").id
            #expect(try await !store.revoke(unknown, for: tenants[0], why: "unknown", at: Self.later))
            #expect(try await store.standingCertificates() == [one, other])
            #expect(try await store.revokedTenants(of: [one.id, other.id]) == [one.id: Set(tenants)])
            #expect(try await store.revokedTenants(of: [other.id]).isEmpty)
        }
    }

    @Test func `operators see every version, whether it stands, and why it does not`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.registerCertificates([
                Fixture.certificate("1"), Fixture.certificate("2", at: Self.later),
                Fixture.certificate("3", task: "unfair-term"),
            ])
            _ = try await store.revoke(Fixture.certificate("3").id, for: nil, why: "drift", at: Self.later)
            let reader = OperationsReader(database.settings)
            let all = try await reader.certificates(all: true)
            let tasks = ["clause-type", "clause-type", "unfair-term"]
            #expect(all.rows.map { $0[1] } == tasks.map { "legal-services/\($0)" })
            #expect(all.rows.map { $0[2] } == ["2", "1", "1"])
            #expect(all.rows.map { $0[3] } == ["standing", "superseded", "revoked"])
            #expect(all.rows.map { $0.last ?? nil } == [nil, nil, "drift"])
            #expect(try await reader.certificates(all: false).rows.count == 1)
            #expect(try await database.column("SELECT saving_low FROM ops.certificate ORDER BY 1 LIMIT 1") == ["0.67"])
        }
    }
}
