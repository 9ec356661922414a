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
                        model: row.text(0), inputToken: PicoDollars(try row.integer(1)),
                        outputToken: PicoDollars(try row.integer(2)), validFrom: try row.timestamp(3))
                }
            }
        }
    }

    /// Adds the prices of models that have none yet; what an operator has changed since stays.
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
        try await session.run { connection in _ = try connection.execute(insert.named("register prices")) }
    }

    /// Adds a price that begins at an instant, or in ten seconds, when every process has read it.
    /// - Throws: `StoreError` of code `conflict`, not retriable, where it would give the past another price, or where one
    ///   begins then already.
    public func addPrice(
        of model: String, inputToken: PicoDollars, outputToken: PicoDollars, from instant: Timestamp?
    ) async throws {
        let insert: SQL = """
            INSERT INTO winnow.price (model, input_token_pico_usd, output_token_pico_usd, valid_from)
            VALUES (\(model), \(inputToken.amount), \(outputToken.amount), coalesce(\(instant), now() + interval '10 seconds'))
            """
        try await session.run { connection in
            do {
                _ = try connection.execute(insert.named("add price"))
            } catch let error as StoreError
                where ["23001", "23505"].contains((error.underlying as? PostgresFault)?.sqlState)
            {
                throw StoreError(
                    .conflict, "a price must begin later than now, and not when another of its model does",
                    isRetriable: false, underlying: error.underlying)
            }
        }
    }
}
