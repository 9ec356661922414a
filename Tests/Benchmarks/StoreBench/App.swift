import Contracts
import FoundationEssentials
import PostgresStore
import Settings
import Store

/// Sends requests of one step through accept and update, each on its own connection, like decomposer and aggregator.
///
/// `PG*` names the database, which is migrated first. `StoreBench [REQUESTS [POSTMASTER_PID [BATCH…]]]`: with the
/// server's process id, it also measures the server's processor time.
@main enum App {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        var reader = SettingsReader()
        let settings = try PostgresSettings(from: &reader)
        try await Migrator(settings).migrate()
        try await PostgresStore(settings).maintainPartitions(daysAhead: 7)
        let bench = Bench(accepting: PostgresStore(settings), updating: PostgresStore(settings))
        let server = arguments.count > 1 ? ServerProcess(postmaster: arguments[1]) : nil
        print("batch   requests/s   client µs   server µs   accept ms   update ms")
        for batch in arguments.count > 2 ? Array(arguments.dropFirst(2)) : [500, 200, 100, 10, 1] {
            let count = max(200, (arguments.first ?? 20_000) / (batch >= 100 ? 1 : 10 / min(batch, 5)))
            _ = try await bench.run(batch: batch, count: batch * 10)
            let figures = try await bench.run(batch: batch, count: count, server: server)
            print(figures.line)
        }
    }
}
