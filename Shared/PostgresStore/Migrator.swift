import Contracts
import Store

/// Migrates the schema to the version of this binary.
public final class Migrator: Sendable {
    /// A migration and the time at which it was applied.
    public struct Status: Sendable, Equatable {
        public let version: Int
        public let name: String
        /// `nil` if it is pending.
        public let appliedAt: Timestamp?
        /// Whether a newer version of Winnow applied it, and this binary does not know it.
        public let isNewer: Bool
    }

    private let session: PostgresSession
    private let migrations: [Migration]

    public convenience init(_ settings: PostgresSettings) { self.init(settings, migrations: Migration.all) }

    /// Uses other migrations than the binary's. For tests.
    init(_ settings: PostgresSettings, migrations: [Migration]) {
        session = PostgresSession(settings)
        self.migrations = migrations
    }

    /// Applies the pending migrations, each in its own transaction. If several processes migrate at the same time, one
    /// applies them; the others wait and have nothing to do.
    ///
    /// A database with newer migrations is accepted, because each migration is compatible with the version before it:
    /// after an upgrade, services of that version still run, or are started again.
    /// - Returns: the migrations that this call applied.
    /// - Throws: `StoreError` with code `.migration` if an applied migration was changed, if the migrations have a gap,
    ///   or if a script fails.
    /// - Source: decision 45.
    @discardableResult
    public func migrate() async throws -> [Migration] {
        let migrations = migrations
        return try await session.run { connection in
            try connection.run(script: "SELECT pg_advisory_lock(\(Self.lockKey))", name: "lock migrations")
            defer { try? connection.run(script: "SELECT pg_advisory_unlock(\(Self.lockKey))", name: "unlock") }
            try connection.run(script: Self.bootstrap, name: "create schema_migration")
            let known = try Self.verified(migrations, on: connection).count { !$0.isNewer }
            let pending = Array(migrations.dropFirst(known))
            for migration in pending { try Self.apply(migration, on: connection) }
            return pending
        }
    }

    /// Returns the migrations of this binary, followed by newer ones of the database.
    /// - Throws: as `migrate`. Before the first migration, all migrations are pending.
    public func status() async throws -> [Status] {
        let migrations = migrations
        return try await session.run { connection in
            let exists = try connection.execute("SELECT to_regclass('winnow.schema_migration') IS NOT NULL")
            let hasTable = try exists[0].first { try $0.bool(.only) } ?? false
            let applied = hasTable ? try Self.verified(migrations, on: connection) : []
            let pending = migrations.dropFirst(applied.count { !$0.isNewer }).map {
                Status(version: $0.version, name: $0.name, appliedAt: nil, isNewer: false)
            }
            return applied + pending
        }
    }

    /// "winnow" in ASCII. Any number works if no other application locks it.
    private static let lockKey = 0x77696e6e6f77

    private static let bootstrap = """
        BEGIN;
        CREATE SCHEMA IF NOT EXISTS winnow;
        CREATE TABLE IF NOT EXISTS winnow.schema_migration (
            version integer PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
        COMMENT ON TABLE winnow.schema_migration IS 'Which migrations were applied, and the SHA-256 of each script.';
        COMMIT;
        """

    /// Returns the applied migrations in ascending order, after verifying them: those of this binary are unchanged and
    /// have no gap. So they are its first ones, or all of them if newer ones follow.
    private static func verified(_ migrations: [Migration], on connection: PostgresConnection) throws -> [Status] {
        let versions = PostgresArray(migrations.map { Int32($0.version) })
        let scripts = PostgresArray(migrations.map { Blob(bytes: $0.script) })
        // The server computes the hash, so no cryptography is needed here.
        let select: SQL = """
            SELECT a.version, a.name, a.applied_at,
                a.checksum IS NOT DISTINCT FROM encode(sha256(u.script), 'hex') AS is_unchanged
            FROM winnow.schema_migration AS a
            LEFT JOIN unnest(\(versions), \(scripts)) AS u (version, script) ON u.version = a.version
            ORDER BY a.version
            """
        let newest = migrations.last?.version ?? 0
        let rows = try connection.execute(select.named("read migrations"))[0].rows { row throws in
            let version = Int(try row.integer("version"))
            let status = Status(
                version: version, name: try row.text("name"), appliedAt: try row.timestamp("applied_at"),
                isNewer: version > newest)
            return (status: status, isUnchanged: try row.bool("is_unchanged"))
        }
        for row in rows where !row.status.isNewer && !row.isUnchanged {
            throw failure("migration \(row.status.version) \(row.status.name) was changed after it was applied")
        }
        for (row, migration) in zip(rows, migrations) where row.status.version != migration.version {
            throw failure("migration \(migration.version) \(migration.name) is missing before \(row.status.version)")
        }
        return rows.map(\.status)
    }

    private static func apply(_ migration: Migration, on connection: PostgresConnection) throws {
        let record: SQL = """
            INSERT INTO winnow.schema_migration (version, name, checksum)
            VALUES (\(Int32(migration.version)), \(migration.name), encode(sha256(\(Blob(bytes: migration.script))), 'hex'))
            """
        do {
            try connection.run(script: "BEGIN", name: "begin migration")
            try connection.run(script: String(decoding: migration.script, as: UTF8.self), name: "run migration")
            try connection.execute(record.named("record migration"), "COMMIT")
        } catch let error as StoreError where error.code == .query || error.code == .configuration {
            throw failure("migration \(migration.version) \(migration.name) failed: \(error.message)", error)
        }
    }

    private static func failure(_ message: String, _ underlying: StoreError? = nil) -> StoreError {
        StoreError(.migration, message, isRetriable: false, underlying: underlying)
    }
}

/// One numbered change of the schema, embedded in the binary.
public struct Migration: Sendable, Equatable {
    public let version: Int
    public let name: String
    let script: [UInt8]

    /// In ascending order. The first fifteen are the baseline, with every object in its final form. A merged migration is
    /// never edited; new migrations are added at the end.
    public static let all: [Migration] = [
        Migration(version: 1, name: "create_roles", script: PackageResources.V0001_create_roles_sql),
        Migration(version: 2, name: "create_requests", script: PackageResources.V0002_create_requests_sql),
        Migration(version: 3, name: "create_intake", script: PackageResources.V0003_create_intake_sql),
        Migration(version: 4, name: "create_ledger", script: PackageResources.V0004_create_ledger_sql),
        Migration(version: 5, name: "create_prices", script: PackageResources.V0005_create_prices_sql),
        Migration(version: 6, name: "create_budgets", script: PackageResources.V0006_create_budgets_sql),
        Migration(version: 7, name: "create_certificates", script: PackageResources.V0007_create_certificates_sql),
        Migration(version: 8, name: "create_instances", script: PackageResources.V0008_create_instances_sql),
        Migration(version: 9, name: "create_dead_letters", script: PackageResources.V0009_create_dead_letters_sql),
        Migration(version: 10, name: "create_ops", script: PackageResources.V0010_create_ops_sql),
        Migration(version: 11, name: "create_ops_costs", script: PackageResources.V0011_create_ops_costs_sql),
        Migration(version: 12, name: "create_ops_focus", script: PackageResources.V0012_create_ops_focus_sql),
        Migration(
            version: 13, name: "create_ops_certificates", script: PackageResources.V0013_create_ops_certificates_sql),
        Migration(version: 14, name: "create_retention", script: PackageResources.V0014_create_retention_sql),
        Migration(version: 15, name: "grant_roles", script: PackageResources.V0015_grant_roles_sql),
        Migration(version: 16, name: "create_paid_answers", script: PackageResources.V0016_create_paid_answers_sql),
        Migration(version: 17, name: "create_catalog", script: PackageResources.V0017_create_catalog_sql),
        Migration(
            version: 18, name: "create_endpoint_usage", script: PackageResources.V0018_create_endpoint_usage_sql),
        Migration(
            version: 19, name: "create_ops_endpoints", script: PackageResources.V0019_create_ops_endpoints_sql),
        Migration(version: 20, name: "fill_items", script: PackageResources.V0020_fill_items_sql),
        Migration(version: 21, name: "add_middle_tier", script: PackageResources.V0021_add_middle_tier_sql),
        Migration(
            version: 22, name: "read_earlier_catalogs", script: PackageResources.V0022_read_earlier_catalogs_sql),
    ]

    init(version: Int, name: String, script: [UInt8]) {
        self.version = version
        self.name = name
        self.script = script
    }
}
