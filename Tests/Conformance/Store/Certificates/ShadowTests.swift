import BuiltInCatalog
import Contracts
import PostgresStore
import Store
import Testing

@Suite struct ShadowTests {
    private static let clause = Route(.legalServices, "clause-type")
    private static let hour = Timestamp(milliseconds: Fixture.noon.milliseconds / 3_600_000 * 3_600_000)

    private static let acme = TenantID(rawValue: "acme"), umbra = TenantID(rawValue: "umbra")

    private func comparison(
        _ text: String, of tenant: TenantID = acme, request: Request.ID = Fixture.id(), item: Int = 0,
        agrees: Bool = true, probability: Double = 0.01, full: String = "full@1", certificate: String = "1"
    ) -> ShadowComparison {
        ShadowComparison(
            step: Step.ID(request: request, ordinal: 0), item: item, tenant: tenant, text: text, route: Self.clause,
            smallModel: "small@7", fullModel: full, certificate: Fixture.certificate(certificate).id,
            probability: probability, confidence: 0.97, agrees: agrees, decidedAt: Fixture.noon,
            comparedAt: Fixture.noon)
    }

    private static func scope(_ tenant: TenantID) -> AgreementScope { .hour(hour, clause, tenant) }

    private static func evidence(_ tenant: TenantID) -> AgreementScope {
        .tenant(Fixture.certificate("1").id, tenant)
    }

    private static func verdict(_ evidence: AgreementEvidence) -> AgreementVerdict {
        AgreementVerdict(
            agreements: evidence.samples.map { sample in
                let (compared, disagreed) = sample.strata.reduce((0, 0)) { ($0.0 + $1.compared, $0.1 + $1.disagreed) }
                return Agreement(
                    scope: sample.scope, compared: compared, disagreed: disagreed, value: 0.875, low: 0.5,
                    high: 0.96875)
            })
    }

    private func judge(_ store: any StoreUnderTest, limit: Int = 100) async throws -> [AgreementScope: ShadowSample] {
        let samples = try await store.judge(limit: limit, Self.verdict).evidence.samples
        return Dictionary(uniqueKeysWithValues: samples.map { ($0.scope, $0) })
    }

    /// For each stratum: compared, disagreed, novel, novel and disagreed.
    private func counts(_ samples: [AgreementScope: ShadowSample]) -> [AgreementScope: [Int]] {
        samples.mapValues { $0.strata.flatMap { [$0.compared, $0.disagreed, $0.novel, $0.novelDisagreed] } }
    }

    @Test(arguments: StoreKind.allCases)
    func `a text counts once, with the call that compared it`(kind: StoreKind) async throws {
        try await kind.with { store in
            let id = Fixture.id()
            try await store.registerCertificates([Fixture.certificate("1")])
            let call = try await store.start([Fixture.entry(id, number: 2, kind: .shadow, state: .started)])
            let comparisons = [
                comparison("a", request: id), comparison("b", request: id, item: 1, agrees: false),
                comparison("b", request: id, item: 2, agrees: false),
            ]
            for _ in 0..<2 {
                try await store.settle([Fixture.entry(id, number: 2, kind: .shadow)], comparing: comparisons)
            }
            try await store.settle([], comparing: (0..<50).map { _ in comparison("b", agrees: false) })
            #expect(call.map(\.attempt.number) == [2])
            #expect(try await store.ledger(of: id).map(\.attempt.state) == [.settled])
            #expect(try await counts(judge(store))[Self.evidence(Self.acme)] == [2, 1, 2, 1])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `what was compared is known by tenant, certificate, full model and the text's bytes`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            // The same letters in composed and decomposed form, and a NUL.
            try await store.settle([], comparing: [comparison("caf\u{E9}"), comparison("a\u{0}b")])
            func text(
                _ text: String, _ tenant: TenantID = Self.acme, full: String = "full@1", certificate: String = "1"
            ) -> ShadowText {
                ShadowText(
                    certificate: Fixture.certificate(certificate).id, fullModel: full, tenant: tenant, text: text)
            }
            let asked = [
                text("cafe\u{301}"), text("caf\u{E9}"), text("caf\u{E9}", Self.umbra), text("a\u{0}b"),
                text("caf\u{E9}", full: "full@2"), text("caf\u{E9}", certificate: "2"), text("a"),
            ]
            #expect(try await store.compared(among: asked) == [1, 3])
            #expect(try await store.compared(among: []).isEmpty)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a text that several tenants send counts for each of them, and is new once`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.registerCertificates([Fixture.certificate("1")])
            try await store.settle([], comparing: [comparison("a", agrees: false)])
            try await store.settle(
                [],
                comparing: [
                    comparison("a", of: Self.umbra, agrees: false), comparison("b", of: Self.umbra),
                    comparison("b"),
                ])
            let samples = try await judge(store)
            #expect(
                counts(samples) == [
                    Self.evidence(Self.acme): [2, 1, 1, 1], Self.evidence(Self.umbra): [2, 1, 1, 0],
                    Self.scope(Self.acme): counts(samples)[Self.scope(Self.acme)],
                    Self.scope(Self.umbra): counts(samples)[Self.scope(Self.umbra)],
                ])
            #expect(samples[Self.evidence(Self.acme)]?.position == 1)
            #expect(samples[Self.evidence(Self.umbra)]?.position == 2)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a sample is handed over when it has grown, whole and by probability, with those of the other tenants`(
        kind: StoreKind
    ) async throws {
        try await kind.with { store in
            try await store.registerCertificates([Fixture.certificate("1")])
            try await store.settle(
                [], comparing: (0..<3).map { comparison("\($0)") } + [comparison("x", of: Self.umbra)])
            #expect(try await counts(judge(store))[Self.evidence(Self.acme)] == [3, 0, 3, 0])
            #expect(try await judge(store).isEmpty)
            try await store.settle([], comparing: [comparison("y", agrees: false, probability: 0.5)])
            let samples = try await judge(store)
            #expect(counts(samples)[Self.evidence(Self.acme)] == [3, 0, 3, 0, 1, 1, 1, 1])
            #expect(samples[Self.scope(Self.acme)]?.strata.map(\.compared) == [3, 1])
            #expect(samples[Self.evidence(Self.acme)]?.hasGrown == true)
            #expect(samples[Self.evidence(Self.umbra)]?.hasGrown == false)
            #expect(samples[Self.scope(Self.umbra)] == nil)
            for scope in [Self.scope(Self.acme), Self.evidence(Self.acme)] {
                let agreement = try await store.agreement(of: scope)
                #expect(
                    agreement
                        == Agreement(scope: scope, compared: 4, disagreed: 1, value: 0.875, low: 0.5, high: 0.96875))
            }
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `only comparisons with the full model that a certificate names are its own`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.registerCertificates([Fixture.certificate("1")])
            try await store.settle(
                [], comparing: [comparison("a", full: "full@2"), comparison("a", certificate: "9")])
            let samples = try await judge(store)
            #expect(samples.keys.map(\.self) == [Self.scope(Self.acme)])
            #expect(samples[Self.scope(Self.acme)]?.strata.map(\.compared) == [2])
        }
    }

    @Test func `two escalators that compare at once count a text as new once, and place each tenant`() async throws {
        try await TestDatabase.with { database in
            try await PostgresStore(database.settings).registerCertificates([Fixture.certificate("1")])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for escalator in 0..<4 {
                    group.addTask {
                        let store = PostgresStore(database.settings)
                        let tenant = TenantID(rawValue: "tenant \(escalator)")
                        for text in 0..<10 {
                            try await store.settle([], comparing: [comparison("text \(text)", of: tenant)])
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(
                try await database.column("SELECT sum(compared) || ' ' || sum(novel) FROM winnow.shadow_evidence")
                    == ["40 10"])
            #expect(
                try await database.column("SELECT position FROM winnow.shadow_tenant ORDER BY 1")
                    == ["1", "2", "3", "4"])
        }
    }

    @Test func `of a text only a keyed hash is kept`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.settle([], comparing: [comparison("secret words")])
            #expect(
                try await database.column(
                    "SELECT count(*) FROM winnow.shadow_text WHERE digest = substring(sha256('secret words') FOR 16)")
                    == ["0"])
            #expect(
                try await database.column("SELECT DISTINCT length(digest) FROM winnow.shadow_text") == ["16"])
            let digest = "SELECT encode(winnow.text_digest('secret words'), 'hex')"
            let here = try await database.column(digest)
            #expect(
                try await database.column("SELECT encode(digest, 'hex') FROM winnow.shadow_text") == here)
            try await database.run("UPDATE winnow.text_key SET inner_pad = outer_pad")
            let withAnotherKey = try await database.column(digest)
            #expect(withAnotherKey != here)
        }
    }

    @Test func `operators see agreement by hour, by tenant and by certificate`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let certificate = Fixture.certificate("1")
            try await store.registerCertificates([certificate])
            try await store.settle(
                [], comparing: [comparison("a"), comparison("b", agrees: false), comparison("a", of: Self.umbra)])
            _ = try await store.judge(limit: 100) { evidence in
                var verdict = Self.verdict(evidence)
                verdict.agreements.append(
                    Agreement(
                        scope: .certificate(certificate.id), compared: 2, disagreed: 1, value: 0.5, low: 0.25,
                        high: 0.75))
                return verdict
            }
            #expect(
                try await database.column(
                    """
                    SELECT concat_ws(' ', task, tenant, compared, disagreed, agreement, agreement_low)
                    FROM ops.agreement ORDER BY tenant
                    """) == ["clause-type acme 2 1 0.875000 0.500000", "clause-type umbra 1 0 0.875000 0.500000"])
            #expect(
                try await database.column(
                    "SELECT concat_ws(' ', state, promised, compared, agreement_high) FROM ops.certificate_agreement")
                    == ["standing 0.99 2 0.750000"])
            #expect(try await store.revoke(certificate.id, for: Self.umbra, why: "drift", at: Fixture.noon))
            #expect(
                try await database.column(
                    "SELECT concat_ws(' ', tenant, state, compared, reason) FROM ops.tenant_agreement ORDER BY tenant")
                    == ["acme standing 2", "umbra revoked 1 drift"])
            #expect(
                try await OperationsReader(database.settings).tenantRevocations().rows.map { [$0[0], $0[2], $0[4]] }
                    == [["umbra", "legal-services/clause-type", "drift"]])
        }
    }

    @Test func `comparisons are partitioned by day and go with the requests`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.maintainPartitions(daysAhead: 1)
            try await store.settle([], comparing: [comparison("a")])
            #expect(try await database.column("SELECT count(*) FROM winnow.shadow_comparison_default") == ["0"])
            #expect(try await database.column("SELECT count(*) FROM winnow.shadow_comparison") == ["1"])
            let old = Fixture.id(at: Timestamp.now.adding(milliseconds: -400 * 86_400_000))
            try await store.settle([], comparing: [comparison("b", request: old)])
            try await store.maintainPartitions(daysAhead: 1)
            #expect(try await database.column("SELECT count(*) FROM winnow.shadow_comparison") == ["1"])
            // The tallies remain.
            #expect(try await database.column("SELECT sum(compared) FROM winnow.shadow_tally") == ["2"])
        }
    }
}
