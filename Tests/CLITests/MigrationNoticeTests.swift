import Contracts
import Testing

@testable import CLI
@testable import PostgresStore

struct MigrationNoticeTests {
    private static let applied = Migrator.Status(
        version: 1, name: "create_roles", appliedAt: Timestamp(milliseconds: 1), isNewer: false)
    private static let newer = Migrator.Status(
        version: 2, name: "create_paid_answers", appliedAt: Timestamp(milliseconds: 2), isNewer: true)

    @Test func `a database that is newer is named as such, and is no fault`() {
        let notice = """
            the database is newer than this version, which does not know these migrations: 2 create_paid_answers
            """
        #expect(MigrateVerb.notice(of: [Self.newer]) == notice)
        let finding = DoctorVerb.migrations([Self.applied, Self.newer])
        #expect(finding.verdict == .doubtful)
        #expect(finding.finding == notice)
    }

    @Test func `a database of this version has no notice`() {
        #expect(MigrateVerb.notice(of: []) == nil)
        #expect(DoctorVerb.migrations([Self.applied]).verdict == .good)
    }

    @Test func `pending migrations are a fault`() {
        let pending = Migrator.Status(version: 2, name: "next", appliedAt: nil, isNewer: false)
        #expect(DoctorVerb.migrations([Self.applied, pending]).verdict == .bad)
    }
}
