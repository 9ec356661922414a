import Contracts
import Store
import Testing

@testable import PostgresStore

@Suite struct BudgetTests {
    private static let acme = TenantID(rawValue: "acme")

    /// A call that begins now, because budgets apply to the current period.
    private static func call(_ cost: Int64, tenant: TenantID = acme, request: Request.ID = Fixture.id()) -> LedgerEntry
    {
        var entry = Fixture.entry(request, number: 2, kind: .full, state: .started, cost: cost)
        entry.tenant = tenant
        entry.attempt.startedAt = .now
        return entry
    }

    private static func budget(
        _ limit: Int64, _ period: Budget.Period = .month, _ policy: Budget.Policy = .degrade
    ) -> Budget {
        Budget(tenant: acme, period: period, limit: PicoDollars(limit), policy: policy)
    }

    private func isStarted(_ reservations: [Reservation]) -> [Bool] {
        reservations.map { if case .started = $0 { true } else { false } }
    }

    @Test(arguments: StoreKind.allCases)
    func `calls are reserved as far as the budget has room, whole or not at all`(kind: StoreKind) async throws {
        try await kind.with { store in
            let budget = Self.budget(100)
            try await store.setBudget(budget)
            let calls = [60, 50, 40].map { Self.call($0) } + [Self.call(900, tenant: .default)]
            let reservations = try await store.reserve(calls)
            #expect(isStarted(reservations) == [true, false, true, true])
            #expect(reservations[1] == .refused(budget))
            #expect(try await store.ledger(of: calls[1].step.request).isEmpty)
            #expect(try await store.ledger(of: calls[2].step.request).map(\.attempt.state) == [.started])
            #expect(try await store.reserve([]).isEmpty)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `the unused part of a reservation is released, except for an abandoned call`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.setBudget(Self.budget(100))
            let call = Self.call(100)
            guard case .started(var entry)? = try await store.reserve([call]).first else {
                Issue.record("not reserved")
                return
            }
            #expect(isStarted(try await store.reserve([Self.call(1)])) == [false])
            entry.attempt.state = .settled
            entry.cost = PicoDollars(30)
            for _ in 0..<2 { try await store.settle([entry]) }
            let again = Self.call(70)
            #expect(isStarted(try await store.reserve([again])) == [true])
            // The process dies. Its repetition is a separate call, for which there is no room.
            #expect(isStarted(try await store.reserve([again])) == [false])
            #expect(isStarted(try await store.reserve([Self.call(0)])) == [true])
        }
    }

    /// The call of a small model that is an endpoint.
    @Test(arguments: StoreKind.allCases)
    func `a budget limits calls of the full model, and no others`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.setBudget(Self.budget(100))
            var small = Self.call(900)
            small.attempt.kind = .worker
            #expect(isStarted(try await store.reserve([small, Self.call(100)])) == [true, true])
            #expect(isStarted(try await store.reserve([Self.call(1)])) == [false])
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `every period must have room, and the longest without decides`(kind: StoreKind) async throws {
        try await kind.with { store in
            let (hour, month) = (Self.budget(10, .hour, .queue), Self.budget(50, .month, .fail))
            try await store.setBudget(hour)
            try await store.setBudget(month)
            #expect(try await store.reserve([Self.call(20)]) == [.refused(hour)])
            #expect(try await store.reserve([Self.call(60)]) == [.refused(month)])
            #expect(isStarted(try await store.reserve([Self.call(10)])) == [true])
            #expect(try await store.removeBudget(of: Self.acme, .hour))
            #expect(try await !store.removeBudget(of: Self.acme, .hour))
            #expect(isStarted(try await store.reserve([Self.call(40)])) == [true])
            try await store.setBudget(Self.budget(0, .month, .queue))
            #expect(try await store.reserve([Self.call(1)]) == [.refused(Self.budget(0, .month, .queue))])
        }
    }

    @Test(arguments: StoreKind.allCases, [-70, 0, 70])
    func `an escalator whose clock is wrong spends no more than an hour's limit`(
        kind: StoreKind, minutes: Int64
    ) async throws {
        try await kind.with { store in
            try await store.setBudget(Self.budget(100, .hour))
            let (before, after) = (Timestamp(milliseconds: 0), Timestamp.now.adding(milliseconds: -30 * 60_000))
            func price(_ amount: Int64, from instant: Timestamp) -> Price {
                Price(
                    model: Self.call(0).attempt.model, inputToken: PicoDollars(amount), outputToken: .zero,
                    validFrom: instant)
            }
            // A clock that is slow would pay the price of an hour ago.
            let prices = PriceList([price(1, from: before), price(3, from: after)])
            var started: [LedgerEntry] = []
            for _ in 0..<4 {
                var call = Self.call(0)
                call.attempt.usage = TokenUsage(inputTokens: 20, flops: 0)
                call.attempt.startedAt = Timestamp.now.adding(milliseconds: minutes * 60_000)
                for case .started(let entry) in try await store.reserve([call], { try prices.begun($0, at: $1) }) {
                    started.append(entry)
                }
            }
            #expect(started.map(\.cost) == [PicoDollars(60)])
            for entry in started {
                #expect(try await store.ledger(of: entry.step.request) == [entry])
                #expect(abs(entry.attempt.startedAt.milliseconds - Timestamp.now.milliseconds) < 60_000)
            }
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a call that cannot be priced is not written, and nothing else of its batch`(kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.setBudget(Self.budget(100))
            let calls = [Self.call(1), Self.call(2)]
            let failing: AttemptLedger.Begin = { call, _ in
                guard call.cost.amount < 2 else { throw ContractError(.tooLarge, "no cost") }
                return call
            }
            await #expect(throws: ContractError.self) { try await store.reserve(calls, failing) }
            await #expect(throws: ContractError.self) { try await store.start(calls, failing) }
            for call in calls { #expect(try await store.ledger(of: call.step.request).isEmpty) }
        }
    }

    @Test func `the hour of a call, of its budget and of its sums is one`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            for period in Budget.Period.allCases { try await store.setBudget(Self.budget(100, period)) }
            var call = Self.call(60)
            call.attempt.startedAt = Timestamp.now.adding(milliseconds: -70 * 60_000)
            _ = try await store.reserve([call]) { call, instant in
                var call = call
                call.attempt.startedAt = instant
                return call
            }
            #expect(try await database.column("SELECT spent_pico_usd FROM ops.budget") == ["60", "60", "60"])
            // A call that is booked in a later period, by a fast clock, does not count in this one.
            var early = Self.call(30)
            early.attempt.startedAt = Timestamp.now.adding(milliseconds: 40 * 86_400_000)
            _ = try await store.start([early])
            #expect(try await database.column("SELECT spent_pico_usd FROM ops.budget") == ["60", "60", "60"])
        }
    }

    @Test func `a budget that is set after the locks were taken does not displace another one`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let first = TenantID(rawValue: "aaa")
            try await store.setBudget(Self.budget(100, .month))
            #expect(isStarted(try await store.reserve([Self.call(100)])) == [true])
            let batch = try #require(StartBatch([Self.call(5), Self.call(5, tenant: first)]))
            let session = PostgresSession(database.settings)
            let locked = try await session.run { try $0.execute("BEGIN", batch.lockBudgets)[1] }
            // It comes before the locked tenant in the order of tenants, and nothing of it is spent.
            try await store.setBudget(
                Budget(tenant: first, period: .hour, limit: PicoDollars(1_000), policy: .fail))
            let refusals = try await session.run { connection in
                var room = try batch.room(locked, at: .now, on: connection)
                return [room.reserve(Self.call(5)), room.reserve(Self.call(5, tenant: first))]
            }
            #expect(refusals == [Self.budget(100, .month), nil])
        }
    }

    @Test func `many processes together spend no more than the limit`() async throws {
        try await TestDatabase.with { database in
            let stores = (0..<6).map { _ in PostgresStore(database.settings) }
            try await stores[0].setBudget(Self.budget(1_000, .day))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for store in stores {
                    group.addTask {
                        for _ in 0..<20 {
                            let reservations = try await store.reserve((0..<3).map { _ in Self.call(11) })
                            let settled = reservations.compactMap { reservation -> LedgerEntry? in
                                guard case .started(var entry) = reservation else { return nil }
                                entry.attempt.state = .settled
                                entry.cost = PicoDollars(7)
                                return entry
                            }
                            try await store.settle(settled)
                        }
                    }
                }
                try await group.waitForAll()
            }
            // Of 360 calls at 7 as many as there is room for. The last of them was reserved at 11.
            let spent = try await database.column("SELECT spent_pico_usd FROM ops.budget").compactMap { Int($0) }
            #expect(spent.allSatisfy { (990...1_000).contains($0) } && spent.count == 1, "\(spent)")
            #expect(
                try await database.column("SELECT sum(cost_pico_usd) FROM winnow.attempt").compactMap { Int($0) }
                    == spent)
        }
    }

    @Test func `a budget is of its period, and checks in the background are not in it`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            for period in Budget.Period.allCases { try await store.setBudget(Self.budget(100, period)) }
            var old = Self.call(100)
            old.attempt.startedAt = Timestamp.now.adding(milliseconds: -40 * 86_400_000)
            var check = Self.call(100)
            check.attempt.kind = .shadow
            _ = try await store.start([old, check])
            for folds in 0..<2 {
                #expect(isStarted(try await store.reserve([Self.call(40)])) == [true], "\(folds)")
                try await store.foldCosts()
            }
            let left = try await OperationsReader(database.settings).budgets(of: Self.acme)
            #expect(left.rows.map { $0[1] } == ["hour", "day", "month"])
            #expect(left.rows.map { $0[5] } == ["20", "20", "20"])
            #expect(try await OperationsReader(database.settings).budgets(of: .default).rows.isEmpty)
            #expect(try await database.column("SELECT bool_and(renews_at > now()) FROM ops.budget") == ["true"])
        }
    }
}
