/// What the server does before it says that a transaction is committed. Every promise about requests rests on it.
public struct Durability: Sendable, Equatable {
    /// `synchronous_commit`: `off` acknowledges what a crash may lose.
    public var synchronousCommit: String
    /// `fsync`: without it a crash of the machine may damage the whole database.
    public var syncsToDisk: Bool
    /// `synchronous_standby_names`: empty where a commit waits for no standby.
    public var synchronousStandbys: String
    /// Standbys that are connected now, also those that no commit waits for.
    public var standbys: Int

    public init(synchronousCommit: String, syncsToDisk: Bool, synchronousStandbys: String, standbys: Int) {
        self.synchronousCommit = synchronousCommit
        self.syncsToDisk = syncsToDisk
        self.synchronousStandbys = synchronousStandbys
        self.standbys = standbys
    }

    /// What is lost in which event, the worst first; empty where a committed request survives the loss of the server.
    public var risks: [String] {
        var risks: [String] = []
        if !syncsToDisk { risks.append("fsync is off: a crash of the machine may damage the database") }
        if ["off", "local"].contains(synchronousCommit), !synchronousStandbys.isEmpty || synchronousCommit == "off" {
            risks.append(
                "synchronous_commit is \(synchronousCommit): a crash loses transactions that were acknowledged")
        }
        if synchronousStandbys.isEmpty {
            risks.append(
                standbys == 0
                    ? "no standby: accepted requests are lost with the server's disk"
                    : "no commit waits for a standby: a failover loses the last accepted requests")
        }
        return risks
    }
}

extension OperationsReader {
    /// Reads settings that every login may see.
    public func durability() async throws -> Durability {
        let select: SQL = """
            SELECT current_setting('synchronous_commit'), current_setting('fsync'),
                current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_stat_replication)
            """
        return try await session.run { connection in
            let found = try connection.execute(select.named("read durability"))[0].first { row throws in
                Durability(
                    synchronousCommit: row.text(0), syncsToDisk: row.text(1) == "on", synchronousStandbys: row.text(2),
                    standbys: Int(try row.integer(3)))
            }
            return found
                ?? Durability(
                    synchronousCommit: "", syncsToDisk: false, synchronousStandbys: "", standbys: 0)
        }
    }
}
