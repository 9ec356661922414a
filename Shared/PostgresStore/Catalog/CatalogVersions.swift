import Contracts
import Store

extension PostgresStore: CatalogRegister {
    public func currentCatalog() async throws -> CatalogVersion? { try await catalogVersions(limit: 1).first }

    public func currentCatalogNumber() async throws -> Int64? {
        let select: SQL = "SELECT max(version) AS version FROM winnow.catalog_version"
        return try await session.run { connection in
            try connection.execute(select.named("find catalog version"))[0]
                .first { row throws in try row.optionalInteger("version") } ?? nil
        }
    }

    public func catalogVersion(_ number: Int64) async throws -> CatalogVersion? {
        let select: SQL = """
            SELECT version, applied_at, fingerprint, body FROM winnow.catalog_version WHERE version = \(number)
            """
        return try await session.run { connection in
            try connection.execute(select.named("read earlier catalog"))[0].first { row throws in try Self.version(row)
            }
        }
    }

    public func catalogVersions(limit: Int) async throws -> [CatalogVersion] {
        let select: SQL = """
            SELECT version, applied_at, fingerprint, body FROM winnow.catalog_version
            ORDER BY version DESC LIMIT \(Int64(max(0, limit)))
            """
        return try await session.run { connection in
            try connection.execute(select.named("read catalog"))[0].rows { row throws in try Self.version(row) }
        }
    }

    public func addCatalog(
        _ body: [UInt8], fingerprint: String, after previous: Int64?, prices: [Price]
    ) async throws -> CatalogVersion? {
        // A second writer waits, and then finds that its predecessor is not the newest. LOCK TABLE would need the right
        // to change rows.
        let lock: SQL = "SELECT pg_advisory_xact_lock(hashtext('winnow.catalog_version'))"
        let models = PostgresArray(prices.map(\.model))
        let input = PostgresArray(prices.map(\.inputToken.amount))
        let output = PostgresArray(prices.map(\.outputToken.amount))
        let validFrom = PostgresArray(prices.map(\.validFrom))
        let insert: SQL = """
            WITH added AS (
                INSERT INTO winnow.catalog_version (fingerprint, body)
                SELECT \(fingerprint), \(JSONBytes(bytes: body))
                WHERE (SELECT max(version) FROM winnow.catalog_version) IS NOT DISTINCT FROM \(previous)
                RETURNING version, applied_at, fingerprint, body
            ), priced AS (
                INSERT INTO winnow.price (model, input_token_pico_usd, output_token_pico_usd, valid_from)
                SELECT u.model, u.input, u.output, u.valid_from
                FROM unnest(\(models), \(input), \(output), \(validFrom)) AS u (model, input, output, valid_from)
                WHERE EXISTS (SELECT FROM added)
            )
            SELECT version, applied_at, fingerprint, body FROM added
            """
        // Without BEGIN, the statements are one transaction.
        return try await session.run { connection in
            do {
                return try connection.execute(lock.named("lock catalog"), insert.named("add catalog version"))[1]
                    .first { row throws in try Self.version(row) }
            } catch let error as StoreError
                where ["23001", "23505"].contains((error.underlying as? PostgresFault)?.sqlState)
            {
                throw StoreError(
                    .conflict, "a price of an endpoint must begin in the future, when no other price of it begins",
                    isRetriable: false, underlying: error.underlying)
            }
        }
    }

    public func openRoutes() async throws -> Set<Route> {
        let select: SQL = "SELECT capability, task FROM winnow.open_routes()"
        return try await session.run { connection in
            Set(try connection.execute(select.named("find open routes"))[0].rows { row throws in try row.route() })
        }
    }

    private static func version(_ row: PostgresRow) throws -> CatalogVersion {
        CatalogVersion(
            number: try row.integer("version"), appliedAt: try row.timestamp("applied_at"),
            fingerprint: try row.text("fingerprint"), body: Array(try row.bytes("body")))
    }
}
