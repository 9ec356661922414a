import KafkaBus
import MessageBus
import Telemetry

extension Suite {
    /// Writes records like an integrator. Returns when the broker has acknowledged them.
    nonisolated func send(_ records: [OutgoingRecord]) async throws {
        guard let servers = environment["KAFKA_BOOTSTRAP_SERVERS"] else { throw SuiteFault("no broker") }
        let producer = try KafkaProducer(
            settings: KafkaSettings(bootstrapServers: servers), logger: Logger(service: "end-to-end", level: .error),
            metrics: Metrics())
        try await producer.send(records)
        await producer.close()
    }
}
