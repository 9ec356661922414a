import Foundation
import Testing

@Suite struct MigrationRecordTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    /// The SHA-256 of "a".
    private static let record = MigrationRecord(
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  V0001_a.sql\n")

    @Test func `each migration is the recorded one`() throws {
        let migrations = Self.folder.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Shared/PostgresStore/Migrations")
        let names = try FileManager.default.contentsOfDirectory(atPath: migrations.path)
        let files = try names.map { ($0, try Data(contentsOf: migrations.appending(path: $0))) }
        let text = try String(contentsOf: Self.folder.appending(path: "migrations.sha256"), encoding: .utf8)
        #expect(files.count >= 15)
        #expect(MigrationRecord(text).violations(in: Dictionary(uniqueKeysWithValues: files)) == [])
    }

    @Test func `the recorded content passes`() {
        #expect(Self.record.violations(in: ["V0001_a.sql": Data("a".utf8)]) == [])
    }

    @Test func `a changed migration is found, also one with another comment only`() {
        let found = Self.record.violations(in: ["V0001_a.sql": Data("a -- b".utf8)])
        #expect(found == ["V0001_a.sql: was changed; write a new migration"])
    }

    @Test func `a missing migration is found, and one that is not recorded`() {
        let found = Self.record.violations(in: ["V0002_b.sql": Data("a".utf8)])
        #expect(
            found == [
                "V0001_a.sql: is missing, or was renamed",
                "V0002_b.sql: is not recorded: run infra/dev/record-migrations.sh",
            ])
    }
}
