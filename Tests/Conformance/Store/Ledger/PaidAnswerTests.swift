import Contracts
import PostgresStore
import Store
import Testing

@Suite struct PaidAnswerTests {
    private static let asked = QuestionDigest(Array(repeating: 7, count: 32))
    private static let answers = [
        Answer(.label("a"), confidence: 0.75, decidedBy: .full, model: "full@2"),
        Answer(.label("nul \u{0}"), confidence: 1, decidedBy: .full, model: "full@2", isTruncated: true),
    ]

    private static func call(_ request: Request.ID, step: Int = 0) -> LedgerEntry {
        Fixture.entry(request, step: step, kind: .full, state: .started, cost: 1000)
    }

    /// Pays for an answer to `asked` about step 0.
    private func pay(for request: Request.ID, in store: any StoreUnderTest) async throws {
        var call = try #require(try await store.start([Self.call(request)]).first)
        call.attempt.state = .settled
        let kept = PaidAnswer(step: call.step, question: Self.asked, answers: Self.answers)
        // A redelivered settlement keeps the first answers.
        for _ in 0..<2 { try await store.settle([call], keeping: [kept]) }
    }

    @Test(arguments: StoreKind.allCases)
    func `a question that was paid for is answered without another row`(kind: StoreKind) async throws {
        try await kind.with { store in
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            let unknown = Fixture.id()
            for request in [snapshot.id, unknown] {
                try await pay(for: request, in: store)
                let rows = try await store.ledger(of: request)
                let reservations = try await store.reserve([(Self.call(request), Self.asked)]) { call, _ in call }
                #expect(reservations == [.answered(Self.answers)])
                #expect(try await store.ledger(of: request) == rows)
            }
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `another question and another step are calls of their own`(kind: StoreKind) async throws {
        try await kind.with { store in
            let request = Fixture.id()
            try await pay(for: request, in: store)
            let other = QuestionDigest(Array(repeating: 8, count: 32))
            let reservations = try await store.reserve([
                (Self.call(request), other), (Self.call(request), Self.asked),
                (Self.call(request, step: 1), Self.asked),
            ]) { call, _ in call }
            let numbers = reservations.map { reservation -> Int? in
                if case .started(let entry) = reservation { entry.attempt.number } else { nil }
            }
            #expect(numbers == [2, nil, 1])
            #expect(reservations[1] == .answered(Self.answers))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a paid question needs no budget, and takes none from others`(kind: StoreKind) async throws {
        try await kind.with { store in
            let request = Fixture.id()
            try await pay(for: request, in: store)
            try await store.setBudget(
                Budget(tenant: .default, period: .month, limit: PicoDollars(1000), policy: .fail))
            let reservations = try await store.reserve([
                (Self.call(request), Self.asked), (Self.call(Fixture.id()), Self.asked),
                (Self.call(Fixture.id()), Self.asked),
            ]) { call, _ in call }
            #expect(reservations.first == .answered(Self.answers))
            let isStarted = reservations.map { if case .started = $0 { true } else { false } }
            #expect(isStarted == [false, true, false])
        }
    }

    @Test func `erasing a tenant deletes kept answers, and a late settlement brings none back`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let snapshot = Fixture.snapshot()
            _ = try await store.accept([Arrival(snapshot: snapshot)])
            try await pay(for: snapshot.id, in: store)
            _ = try await store.update([snapshot.id]) { $0.map { Fixture.completion(of: $0) } }
            #expect(try await kept(in: database) == ["1"])
            #expect(try await store.erasePayload(of: .default, before: .last) == 1)
            #expect(try await kept(in: database) == ["0"])
            try await pay(for: snapshot.id, in: store)
            #expect(try await kept(in: database) == ["0"])
        }
    }

    @Test func `kept answers are deleted when the steps of their day are`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let month = Int64(40 * 86_400_000)
            for time in [Timestamp.now, .now.adding(milliseconds: -month)] {
                try await pay(for: Fixture.id(at: time), in: store)
            }
            try await store.maintainPartitions(daysAhead: 1, retentionDays: 30)
            #expect(try await kept(in: database) == ["1"])
        }
    }

    private func kept(in database: TestDatabase) async throws -> [String] {
        try await database.column("SELECT count(*)::text FROM winnow.paid_answer")
    }
}
