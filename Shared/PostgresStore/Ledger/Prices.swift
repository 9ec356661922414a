import Contracts
import Store

extension PostgresStore {
    public func prices() async throws -> [Price] {
        let select: SQL = """
            SELECT model, input_token_pico_usd, output_token_pico_usd, valid_from
            FROM winnow.price ORDER BY model, valid_from DESC
            """
        return try await session.run { connection in
            try connection.execute(select.named("read prices")).flatMap { result in
                try result.rows { row throws in
                    Price(
                        model: try row.text("model"), inputToken: PicoDollars(try row.integer("input_token_pico_usd")),
                        outputToken: PicoDollars(try row.integer("output_token_pico_usd")),
                        validFrom: try row.timestamp("valid_from"))
                }
            }
        }
    }

    /// Adds the prices of models that have none yet. Existing prices are not changed.
    public func registerPrices(_ prices: [Price]) async throws {
        let models = PostgresArray(prices.map(\.model))
        let input = PostgresArray(prices.map(\.inputToken.amount))
        let output = PostgresArray(prices.map(\.outputToken.amount))
        let validFrom = PostgresArray(prices.map(\.validFrom))
        let insert: SQL = """
            INSERT INTO winnow.price (model, input_token_pico_usd, output_token_pico_usd, valid_from)
            SELECT u.model, u.input, u.output, u.valid_from
            FROM unnest(\(models), \(input), \(output), \(validFrom)) AS u (model, input, output, valid_from)
            WHERE NOT EXISTS (SELECT FROM winnow.price AS p WHERE p.model = u.model)
            ON CONFLICT DO NOTHING
            """
        try await session.run { connection in try Self.run(insert.named("register prices"), on: connection) }
    }

    /// Adds a price that is valid from an instant on. The default is in ten seconds, when every process will have read
    /// it.
    /// - Throws: `StoreError` with code `conflict`, not retriable, if the price would change the past, or if another
    ///   price begins at the same time.
    public func addPrice(
        of model: String, inputToken: PicoDollars, outputToken: PicoDollars, from instant: Timestamp?
    ) async throws {
        let insert: SQL = """
            INSERT INTO winnow.price (model, input_token_pico_usd, output_token_pico_usd, valid_from)
            VALUES (\(model), \(inputToken.amount), \(outputToken.amount), coalesce(\(instant), now() + interval '10 seconds'))
            """
        try await session.run { connection in try Self.run(insert.named("add price"), on: connection) }
    }

    /// Adds a rate for the platform's processor time that is valid from an instant on. The default is in ten seconds.
    /// - Throws: `StoreError` with code `conflict`, not retriable, if the rate would change the past.
    public func addPlatformRate(coreHour: PicoDollars, from instant: Timestamp?) async throws {
        let insert: SQL = """
            INSERT INTO winnow.platform_rate (valid_from, core_hour_pico_usd)
            VALUES (coalesce(\(instant), now() + interval '10 seconds'), \(coreHour.amount))
            """
        try await session.run { connection in
            do {
                try connection.execute(insert.named("add platform rate"))
            } catch let error as StoreError
                where ["23001", "23505"].contains((error.underlying as? PostgresFault)?.sqlState)
            {
                throw StoreError(
                    .conflict, "a rate must begin in the future, when no other rate begins", isRetriable: false,
                    underlying: error.underlying)
            }
        }
    }

    private static func run(_ insert: SQL, on connection: PostgresConnection) throws {
        do {
            try connection.execute(insert)
        } catch let error as StoreError {
            switch (error.underlying as? PostgresFault)?.sqlState {
            case "23001", "23505":
                throw StoreError(
                    .conflict, "a price must begin in the future, when no other price of its model begins",
                    isRetriable: false, underlying: error.underlying)
            case "23514":
                throw StoreError(
                    .query, "a token must cost from 0 to \(Limits.tokenPrice) pico-USD", isRetriable: false,
                    underlying: error.underlying)
            default: throw error
            }
        }
    }
}

extension PostgresStore: BudgetRegister {
    public func setBudget(_ budget: Budget) async throws {
        let upsert: SQL = """
            INSERT INTO winnow.budget (tenant_id, period, limit_pico_usd, policy)
            VALUES (
                \(budget.tenant.rawValue), \(budget.period.rawValue)::text::winnow.budget_period,
                \(budget.limit.amount), \(budget.policy.rawValue)::text::winnow.budget_policy)
            ON CONFLICT (tenant_id, period) DO UPDATE
            SET limit_pico_usd = excluded.limit_pico_usd, policy = excluded.policy, set_at = now()
            """
        try await session.run { connection in _ = try connection.execute(upsert.named("set budget")) }
    }

    public func removeBudget(of tenant: TenantID, _ period: Budget.Period) async throws -> Bool {
        let delete: SQL = """
            DELETE FROM winnow.budget
            WHERE tenant_id = \(tenant.rawValue) AND period = \(period.rawValue)::text::winnow.budget_period
            """
        return try await session.run { connection in
            try connection.execute(delete.named("remove budget"))[0].affectedRows > 0
        }
    }
}
