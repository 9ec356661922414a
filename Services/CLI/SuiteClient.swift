import Client
import Contracts
import KafkaBus
import MessageBus
import PostgresStore
import Settings

/// Opens clients of the running suite.
extension Session {
    /// A client that waits for no results.
    /// - Throws: `SettingsError`, `MessageBusError`
    func client(of tenant: TenantID, lane: Lane) async throws -> Client {
        try client(of: tenant, lane: lane, ownTopic: try await resultsTopic(of: tenant), limit: .submission)
    }

    /// A client and the reader of its results. Returns when the reader will see every result that is written from now
    /// on.
    /// - Throws: `SettingsError`, `MessageBusError`
    func clientAndResults(of tenant: TenantID, lane: Lane = .interactive) async throws -> (Client, any PolledReader) {
        let own = try await resultsTopic(of: tenant)
        let reader = try await KafkaReader(
            settings: try kafka(), topic: own ?? Topic.results, from: .end, logger: logger, metrics: metrics)
        return (try client(of: tenant, lane: lane, ownTopic: own, limit: .service), reader)
    }

    /// - Parameter limit: how much may wait unread on the embedded broker.
    private func client(of tenant: TenantID, lane: Lane, ownTopic: String?, limit: UnreadLimit) throws -> Client {
        let intake: Client.Intake =
            try submitsThroughPostgres()
            ? .store(PostgresStore(try postgres()))
            : .topic(
                try KafkaProducer(settings: try kafka(), limit: limit, logger: logger, metrics: metrics),
                isOwn: ownTopic != nil)
        return Client(intake, tenant: tenant, lane: lane)
    }

    /// Whether requests go to Postgres first, because the embedded broker loses them at a restart.
    /// - Default: `topic`. Key: `WINNOW_INTAKE`, `topic` or `postgres`.
    /// - Throws: `SettingsError`
    func submitsThroughPostgres() throws -> Bool {
        switch setting("WINNOW_INTAKE", default: "topic") {
        case "topic": false
        case "postgres": true
        default: throw SettingsError("WINNOW_INTAKE", "must be topic or postgres")
        }
    }

    /// - Returns: `nil` if the tenant has no topics of its own.
    private func resultsTopic(of tenant: TenantID) async throws -> String? {
        guard let own = Topic.results(of: tenant) else { return nil }
        let topics = try await KafkaAdmin(settings: try kafka(), logger: logger).metadata().topics
        return topics[own] == nil ? nil : own
    }
}
