import Contracts
import Store

/// Migrates the schema to the version of this binary.
public final class Migrator: Sendable {
    /// A migration of this binary and the time at which it was applied.
    public struct Status: Sendable, Equatable {
        public let version: Int
        public let name: String
        /// `nil` if it is pending.
        public let appliedAt: Timestamp?
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
    /// - Returns: the migrations that this call applied.
    /// - Throws: `StoreError` with code `.migration` if an applied migration was changed or is unknown, or if a script
    ///   fails.
    @discardableResult
    public func migrate() async throws -> [Migration] {
        let migrations = migrations
        return try await session.run { connection in
            try connection.run(script: "SELECT pg_advisory_lock(\(Self.lockKey))", name: "lock migrations")
            defer { try? connection.run(script: "SELECT pg_advisory_unlock(\(Self.lockKey))", name: "unlock") }
            try connection.run(script: Self.bootstrap, name: "create schema_migration")
            let applied = try Self.verified(migrations, on: connection)
            let pending = migrations.filter { applied[$0.version] == nil }
            for migration in pending { try Self.apply(migration, on: connection) }
            return pending
        }
    }

    /// - Throws: as `migrate`. Before the first migration, all migrations are pending.
    public func status() async throws -> [Status] {
        let migrations = migrations
        return try await session.run { connection in
            let exists = try connection.execute("SELECT to_regclass('winnow.schema_migration') IS NOT NULL")
            let hasTable = exists[0].first { $0.bool(0) } ?? false
            let applied = hasTable ? try Self.verified(migrations, on: connection) : [:]
            return migrations.map { Status(version: $0.version, name: $0.name, appliedAt: applied[$0.version]) }
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

    /// Returns when each migration was applied, after verifying that they are this binary's migrations.
    private static func verified(
        _ migrations: [Migration], on connection: PostgresConnection
    ) throws -> [Int: Timestamp] {
        let versions = PostgresArray(migrations.map { Int32($0.version) })
        let scripts = PostgresArray(migrations.map { Blob(bytes: $0.script) })
        // The server computes the hash, so no cryptography is needed here.
        let select: SQL = """
            SELECT a.version, a.applied_at, a.checksum IS NOT DISTINCT FROM encode(sha256(u.script), 'hex')
            FROM winnow.schema_migration AS a
            LEFT JOIN unnest(\(versions), \(scripts)) AS u (version, script) ON u.version = a.version
            ORDER BY a.version
            """
        let rows = try connection.execute(select.named("read migrations"))[0].rows { row throws in
            (version: Int(try row.integer(0)), appliedAt: try row.timestamp(1), isUnchanged: row.bool(2))
        }
        for row in rows {
            guard let migration = migrations.first(where: { $0.version == row.version }) else {
                throw failure("the database is newer: this binary does not know migration \(row.version)")
            }
            guard row.isUnchanged else {
                throw failure("migration \(row.version) \(migration.name) was changed after it was applied")
            }
        }
        return Dictionary(rows.map { ($0.version, $0.appliedAt) }) { first, _ in first }
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

    /// In ascending order. A merged migration is never edited; new migrations are added at the end.
    public static let all: [Migration] = [
        Migration(version: 1, name: "create_schema", script: PackageResources.V0001_create_schema_sql),
        Migration(version: 2, name: "maintain_partitions", script: PackageResources.V0002_maintain_partitions_sql),
        Migration(version: 3, name: "create_ops", script: PackageResources.V0003_create_ops_sql),
        Migration(version: 4, name: "create_roles", script: PackageResources.V0004_create_roles_sql),
        Migration(version: 5, name: "create_dispositions", script: PackageResources.V0005_create_dispositions_sql),
        Migration(version: 6, name: "create_cancellations", script: PackageResources.V0006_create_cancellations_sql),
        Migration(version: 7, name: "create_submission", script: PackageResources.V0007_create_submission_sql),
        Migration(version: 8, name: "create_instance", script: PackageResources.V0008_create_instance_sql),
        Migration(version: 9, name: "create_lanes", script: PackageResources.V0009_create_lanes_sql),
        Migration(version: 10, name: "create_tenant_weight", script: PackageResources.V0010_create_tenant_weight_sql),
        Migration(version: 11, name: "create_certificate", script: PackageResources.V0011_create_certificate_sql),
        Migration(version: 12, name: "create_rollup", script: PackageResources.V0012_create_rollup_sql),
        Migration(version: 13, name: "create_shadow", script: PackageResources.V0013_create_shadow_sql),
        Migration(version: 14, name: "create_budget", script: PackageResources.V0014_create_budget_sql),
        Migration(version: 15, name: "add_equal_from", script: PackageResources.V0015_add_equal_from_sql),
        Migration(version: 16, name: "weigh_tenants", script: PackageResources.V0016_weigh_tenants_sql),
        Migration(version: 17, name: "create_origin", script: PackageResources.V0017_create_origin_sql),
        Migration(version: 18, name: "create_result", script: PackageResources.V0018_create_result_sql),
        Migration(version: 19, name: "create_owed_emission", script: PackageResources.V0019_create_owed_emission_sql),
        Migration(version: 20, name: "bound_money", script: PackageResources.V0020_bound_money_sql),
        Migration(version: 21, name: "keep_routing_guesses", script: PackageResources.V0021_keep_routing_guesses_sql),
        Migration(version: 22, name: "count_savings", script: PackageResources.V0022_count_savings_sql),
        Migration(version: 23, name: "describe_ops", script: PackageResources.V0023_describe_ops_sql),
        Migration(version: 24, name: "create_tenant_topic", script: PackageResources.V0024_create_tenant_topic_sql),
        Migration(version: 25, name: "tighten_roles", script: PackageResources.V0025_tighten_roles_sql),
        Migration(version: 26, name: "create_retention", script: PackageResources.V0026_create_retention_sql),
        Migration(
            version: 27, name: "describe_tenant_topic", script: PackageResources.V0027_describe_tenant_topic_sql),
        Migration(
            version: 28, name: "add_submission_digest", script: PackageResources.V0028_add_submission_digest_sql),
    ]

    init(version: Int, name: String, script: [UInt8]) {
        self.version = version
        self.name = name
        self.script = script
    }
}
