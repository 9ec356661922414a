import Store

extension OperationsReader {
    /// Every price, model by model, the newest first.
    public func prices() async throws -> OperationsReport {
        let select: SQL = """
            SELECT model, input_token_pico_usd::text, output_token_pico_usd::text,
                input_usd_per_million_tokens::text, output_usd_per_million_tokens::text,
                to_char(valid_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                to_char(valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            FROM ops.price ORDER BY model, valid_from DESC
            """
        return try await report(
            select.named("read price list"),
            [
                .init("model"), .number("input_token_pico_usd"), .number("output_token_pico_usd"),
                .number("input_usd_per_million_tokens"), .number("output_usd_per_million_tokens"), .init("valid_from"),
                .init("valid_until"),
            ])
    }
}
