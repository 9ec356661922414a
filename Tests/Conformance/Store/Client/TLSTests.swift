import Foundation
import Settings
import Store
import Testing

@testable import PostgresStore

/// libpq's TLS settings take effect. The test creates the server's certificate, and the settings decide whether to
/// trust it.
@Suite struct TLSTests {
    @Test func `a session is encrypted and the server's certificate is checked`() async throws {
        try await TLSCluster.with { cluster in
            let session = PostgresSession(try cluster.settings(trusting: "server.crt"))
            let version = try await session.run { connection in
                try connection.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
                    .first?.first { try $0.text(.only) }
            }
            #expect(version?.hasPrefix("TLSv1.") == true)
            let stranger = PostgresSession(try cluster.settings(trusting: "stranger.crt"))
            let error = await #expect(throws: StoreError.self) {
                try await stranger.run { try $0.execute("SELECT 1").count }
            }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("certificate verify failed") == true, "\(String(describing: error))")
            #expect(error?.message.contains(cluster.password) == false)
        }
    }
}

/// A separate server with TLS.
private struct TLSCluster {
    let directory: URL
    let port: String
    let password: String

    static func with(_ body: (TLSCluster) async throws -> Void) async throws {
        let directory = URL(filePath: "/tmp/winnow-tls-\(getProcessID())")
        _ = try Program.run("cluster.sh", ["start", directory.path, "--parent", "\(getProcessID())", "--remove"])
        defer { _ = try? Program.run("cluster.sh", ["stop", directory.path, "--remove"]) }
        for name in ["server", "stranger"] {
            _ = try Program.run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(name)",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory.path + "/data/\(name).key",
                    "-out", directory.path + "/\(name).crt",
                ])
        }
        // The server reads its key as the owner of its data.
        let key = directory.path + "/data/server.key"
        _ = try Program.run("chown", ["--reference", directory.path + "/data", key])
        let configuration = directory.appending(path: "data/postgresql.conf")
        let text = try String(contentsOf: configuration, encoding: .utf8)
        try Data("\(text)\nssl = on\nssl_cert_file = '\(directory.path)/server.crt'\nssl_key_file = '\(key)'\n".utf8)
            .write(to: configuration)
        _ = try Program.run("chown", ["--reference", directory.path + "/data", configuration.path])
        _ = try Program.run("cluster.sh", ["stop", directory.path])
        _ = try Program.run("cluster.sh", ["start", directory.path])
        try await body(
            TLSCluster(
                directory: directory,
                port: try String(contentsOf: directory.appending(path: "port"), encoding: .utf8).trimmed,
                password: try String(contentsOf: directory.appending(path: "password"), encoding: .utf8).trimmed))
    }

    func settings(trusting certificate: String) throws -> PostgresSettings {
        var reader = SettingsReader(environment: [
            "PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "winnow", "PGDATABASE": "winnow", "PGPASSWORD": password,
            "PGSSLMODE": "verify-full", "PGSSLROOTCERT": directory.path + "/" + certificate,
        ])
        return try PostgresSettings(from: &reader)
    }
}

private enum Program {
    struct Fault: Error { let program: String, output: String }

    static func run(_ name: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let isOurs = name == "cluster.sh"
        process.executableURL =
            isOurs ? TestCluster.root.appending(path: "infra/postgres/cluster.sh") : URL(filePath: "/usr/bin/env")
        process.arguments = isOurs ? arguments : [name] + arguments
        let output = Pipe()
        (process.standardOutput, process.standardError) = (output, isOurs ? nil : output)
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Fault(program: name, output: text) }
        return text
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
