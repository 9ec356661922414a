import Contracts
import PostgresStore
import Store
import Testing

@Suite struct ShadowTests {
    private static let clause = Route(.legalServices, "clause-type")
    private static let hour = Timestamp(milliseconds: Fixture.noon.milliseconds / 3_600_000 * 3_600_000)

    private func comparison(
        _ request: Request.ID, item: Int = 0, agrees: Bool = true, probability: Double = 0.01, full: String = "full@1",
        certificate: String = "1"
    ) -> ShadowComparison {
        ShadowComparison(
            step: Step.ID(request: request, ordinal: 0), item: item, route: Self.clause, smallModel: "small@7",
            fullModel: full, certificate: Fixture.certificate(certificate).id, probability: probability,
            confidence: 0.97, agrees: agrees, decidedAt: Fixture.noon, comparedAt: Fixture.noon)
    }

    private static func verdict(_ samples: [ShadowSample]) -> [Agreement] {
        samples.map { sample in
            let (compared, disagreed) = sample.strata.reduce((0, 0)) { ($0.0 + $1.compared, $0.1 + $1.disagreed) }
            return Agreement(
                scope: sample.scope, compared: compared, disagreed: disagreed, value: 0.875, low: 0.5, high: 0.96875)
        }
    }

    private func judge(_ store: any StoreUnderTest, limit: Int = 100) async throws -> [AgreementScope: [Int]] {
        let samples = try await store.judge(limit: limit, Self.verdict)
        return Dictionary(
            uniqueKeysWithValues: samples.map { ($0.scope, $0.strata.flatMap { [$0.compared, $0.disagreed] }) })
    }

    @Test(arguments: StoreKind.allCases)
    func `an item counts once, with the call that compared it`(kind: StoreKind) async throws {
        try await kind.with { store in
            let (id, other) = (Fixture.id(), Fixture.id())
            let call = try await store.start([Fixture.entry(id, number: 2, kind: .shadow, state: .started)])
            let comparisons = [comparison(id), comparison(id, item: 1, agrees: false)]
            for _ in 0..<2 {
                try await store.settle([Fixture.entry(id, number: 2, kind: .shadow)], comparing: comparisons)
            }
            #expect(call.map(\.attempt.number) == [2])
            #expect(try await store.ledger(of: id).map(\.attempt.state) == [.settled])
            let steps = [id, other].map { Step.ID(request: $0, ordinal: 0) }
            #expect(try await store.compared(among: steps) == [steps[0]])
            #expect(try await store.compared(among: []).isEmpty)
            #expect(try await judge(store) == [.hour(Self.hour, Self.clause): [2, 1]])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a sample is handed over when it has grown, whole and by probability`(kind: StoreKind) async throws {
        try await kind.with { store in
            let certificate = Fixture.certificate("1")
            try await store.registerCertificates([certificate])
            let scopes = [AgreementScope.hour(Self.hour, Self.clause), .certificate(certificate.id)]
            try await store.settle([], comparing: (0..<3).map { _ in comparison(Fixture.id()) })
            #expect(try await judge(store) == [scopes[0]: [3, 0], scopes[1]: [3, 0]])
            #expect(try await judge(store).isEmpty)
            try await store.settle([], comparing: [comparison(Fixture.id(), agrees: false, probability: 0.5)])
            #expect(try await judge(store) == [scopes[0]: [3, 0, 1, 1], scopes[1]: [3, 0, 1, 1]])
            for scope in scopes {
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
                [], comparing: [comparison(Fixture.id(), full: "full@2"), comparison(Fixture.id(), certificate: "9")])
            #expect(try await judge(store) == [.hour(Self.hour, Self.clause): [2, 0]])
        }
    }

    @Test func `a verdict that fails leaves the sample to be judged again`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.settle([], comparing: [comparison(Fixture.id())])
            let unknown = Agreement(
                scope: .certificate(Fixture.certificate("7").id), compared: 1, disagreed: 0, value: 1, low: 0, high: 1)
            await #expect(throws: StoreError.self) { try await store.judge(limit: 10) { _ in [unknown] } }
            #expect(try await judge(store) == [.hour(Self.hour, Self.clause): [1, 0]])
        }
    }

    @Test func `operators see agreement by hour and by certificate`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.registerCertificates([Fixture.certificate("1")])
            try await store.settle([], comparing: [comparison(Fixture.id()), comparison(Fixture.id(), agrees: false)])
            _ = try await judge(store)
            #expect(
                try await database.column(
                    "SELECT concat_ws(' ', task, compared, disagreed, agreement, agreement_low) FROM ops.agreement")
                    == ["clause-type 2 1 0.875000 0.500000"])
            #expect(
                try await database.column(
                    "SELECT concat_ws(' ', state, promised, compared, agreement_high) FROM ops.certificate_agreement")
                    == ["standing 0.99 2 0.968750"])
        }
    }

    @Test func `comparisons are partitioned by day and go with the requests`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            try await store.maintainPartitions(daysAhead: 1)
            try await store.settle([], comparing: [comparison(Fixture.id())])
            #expect(try await database.column("SELECT count(*) FROM winnow.shadow_comparison_default") == ["0"])
            #expect(try await database.column("SELECT count(*) FROM winnow.shadow_comparison") == ["1"])
            let old = Fixture.id(at: Timestamp.now.adding(milliseconds: -400 * 86_400_000))
            try await store.settle([], comparing: [comparison(old)])
            try await store.maintainPartitions(daysAhead: 1)
            #expect(try await database.column("SELECT count(*) FROM winnow.shadow_comparison") == ["1"])
            // The tallies stay.
            #expect(try await database.column("SELECT sum(compared) FROM winnow.shadow_tally") == ["2"])
        }
    }
}
