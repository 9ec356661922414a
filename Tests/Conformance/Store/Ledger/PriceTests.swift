import Contracts
import PostgresStore
import Store
import Testing

@Suite struct PriceTests {
    @Test(arguments: StoreKind.allCases)
    func `a price that is known is not replaced`(kind: StoreKind) async throws {
        try await kind.with { store in
            func price(_ model: String, _ amount: Int64, _ validFrom: Timestamp) -> Price {
                Price(
                    model: model, inputToken: PicoDollars(amount), outputToken: PicoDollars(amount * 2),
                    validFrom: validFrom)
            }
            let past = Timestamp(milliseconds: 1_700_000_000_000)
            let future = Timestamp(milliseconds: (Timestamp.now.milliseconds / 1000 + 3600) * 1000)
            let first = [price("b", 1, past), price("a", 2, past), price("later", 4, future)]
            try await store.registerPrices(first)
            try await store.registerPrices([price("a", 9, past.adding(milliseconds: 9)), price("c", 5, past)])
            try await store.registerPrices([])
            // Includes future prices, which a process needs in time to price a call.
            #expect(try await store.prices() == [first[1], first[0], price("c", 5, past), first[2]])
        }
    }

    @Test func `a new price leaves the past as it was, and begins when it is due`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let first = Price(
                model: "full", inputToken: PicoDollars(10), outputToken: .zero, validFrom: Fixture.noon)
            try await store.registerPrices([first])
            let snapshot = Fixture.snapshot()
            let entry = Fixture.entry(snapshot.id, kind: .router)
            _ = try await store.accept([Arrival(snapshot: snapshot, entries: [entry])])
            let before = try await database.column("SELECT row(c.*) FROM ops.capability_cost AS c")
            let due = Timestamp(milliseconds: (Timestamp.now.milliseconds / 1000 + 60) * 1000)
            try await store.addPrice(of: "full", inputToken: PicoDollars(99), outputToken: .zero, from: due)
            let prices = PriceList(try await store.prices())
            let usage = TokenUsage(inputTokens: 2, flops: 0)
            #expect(try prices.cost(of: usage, model: "full", at: due.adding(milliseconds: -1)) == PicoDollars(20))
            #expect(try prices.cost(of: usage, model: "full", at: due) == PicoDollars(198))
            #expect(try await database.column("SELECT row(c.*) FROM ops.capability_cost AS c") == before)
            #expect(
                try await database.column("SELECT valid_until IS NULL FROM ops.price ORDER BY valid_from")
                    == ["false", "true"])
        }
    }

    @Test func `a price above what can be charged is refused with a clear error`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let price = Price(
                model: "full", inputToken: PicoDollars(9_000_000_000_000_000_000), outputToken: .zero,
                validFrom: Fixture.noon)
            func isClear(_ error: any Error) -> Bool {
                (error as? StoreError)?.message == "a token must cost from 0 to 1000000000000 pico-USD"
            }
            await #expect { try await store.registerPrices([price]) } throws: { isClear($0) }
            await #expect {
                try await store.addPrice(of: "full", inputToken: .zero, outputToken: price.inputToken, from: nil)
            } throws: { isClear($0) }
            let prices = try await store.prices()
            #expect(prices.isEmpty)
        }
    }

    @Test func `a price for a past time is refused`() async throws {
        try await TestDatabase.with { database in
            let store = PostgresStore(database.settings)
            let price = Price(model: "full", inputToken: PicoDollars(10), outputToken: .zero, validFrom: Fixture.noon)
            try await store.registerPrices([price])
            for instant in [Fixture.noon, Fixture.noon.adding(milliseconds: 5)] {
                await #expect {
                    try await store.addPrice(of: "full", inputToken: PicoDollars(1), outputToken: .zero, from: instant)
                } throws: { ($0 as? StoreError)?.code == .conflict }
            }
            for statement in [
                "UPDATE winnow.price SET input_token_pico_usd = 1", "DELETE FROM winnow.price",
                "INSERT INTO winnow.price VALUES ('full', now() - interval '1 day', 1, 1)",
            ] {
                await #expect(throws: StoreError.self, "\(statement)") { try await database.run(statement) }
            }
            #expect(try await store.prices() == [price])
            // The near future does not count as past.
            try await store.addPrice(of: "full", inputToken: PicoDollars(3), outputToken: .zero, from: nil)
            #expect(try await store.prices().map(\.inputToken.amount) == [3, 10])
        }
    }
}
