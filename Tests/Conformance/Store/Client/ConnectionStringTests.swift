import Settings
import Testing

@testable import PostgresStore

@Suite struct ConnectionStringTests {
    private func settings(_ environment: [String: String]) throws -> PostgresSettings {
        var reader = SettingsReader(environment: environment)
        return try PostgresSettings(from: &reader)
    }

    private func value(_ keyword: String, of settings: PostgresSettings) -> String? {
        settings.parameters.last { $0.keyword == keyword }?.value
    }

    @Test(arguments: [
        "postgres://u:p%2Fa%25%40b@db.example:5433/d?sslmode=require", "postgresql://u:p%2fa%25%40b@db.example:5433/d",
        "host=db.example port=5433 user=u dbname=d password='p/a%@b'",
    ])
    func `every part of a connection string reaches libpq`(text: String) throws {
        let settings = try settings(["DATABASE_URL": text, "PGUSER": "other"])
        #expect(value("host", of: settings) == "db.example")
        #expect(value("port", of: settings) == "5433")
        #expect(value("dbname", of: settings) == "d")
        #expect(value("password", of: settings) == "p/a%@b")
        // libpq's own variables add settings and override others.
        #expect(value("user", of: settings) == "other")
        #expect(value("dbname", of: settings.database("e")) == "e")
    }

    @Test(arguments: [
        "postgres:///d?host=/run/sock&user=a@b", "postgres://%2Frun%2Fsock/d", "postgres://u@h1:1,h2:2/d",
        "postgres://",
        "postgres://u:a?b@h/d", "postgres://u:@h/d", "postgres://u@[::1]:5/d",
    ])
    func `an unambiguous connection string is accepted`(text: String) throws {
        #expect(throws: Never.self) { try settings(["DATABASE_URL": text]) }
    }

    @Test func `the settings of a session are added to those of the string`() throws {
        let settings = try settings(["DATABASE_URL": "postgres://h/d?options=-c%20work_mem%3D1MB"])
            .options([(name: "lock_timeout", value: "1s")])
        #expect(value("options", of: settings) == "-c lock_timeout=1s -c work_mem=1MB")
    }

    @Test func `passwords are taken out by value, the longest first`() throws {
        let settings = try settings(
            ["DATABASE_URL": "postgres://u:part@h/d?sslpassword=key", "PGPASSWORD": "a part of it"])
        #expect(settings.redacted("no 'a part of it', part or key") == "no '***', *** or ***")
        #expect(try self.settings(["PGPASSWORD": ""]).redacted("as it is") == "as it is")
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("part"))
    }
}
