import Contracts
import KafkaBus
import MessageBus
import PostgresStore

/// Reads the dead letters' topic from its first record to the last one that was there when it began.
struct Letterbox {
    private let reader: KafkaReader
    private let register: DeadLetterRegister
    /// A month of dead letters may be long; a broker that says nothing for this long says nothing at all.
    private static let silence = Duration.seconds(30)

    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session, since: Timestamp?) async throws {
        reader = try await KafkaReader(
            settings: try session.kafka(), topic: Topic.deadLetters, from: since.map { .time($0) } ?? .beginning,
            logger: session.logger, metrics: session.metrics)
        register = DeadLetterRegister(try session.postgres())
    }

    /// Hands on those that are meant, batch by batch, so that no more than one is held.
    /// - Parameter disposed: whether also those that were replayed or discarded are meant.
    /// - Throws: `MessageBusError`, `StoreError`, whatever `body` throws.
    func read(
        _ selection: LetterSelection, disposed: Bool, _ body: ([Letter]) async throws -> Void
    ) async throws {
        defer { reader.stop() }
        var open = reader.backlog
        var lastHeard = ContinuousClock.now
        while !open.isEmpty {
            guard let batch = try await reader.nextBatch(within: .seconds(1)) else { return }
            guard !batch.isEmpty || ContinuousClock.now - lastHeard < Self.silence else {
                throw MessageBusError(.timedOut, "read the dead letters", isRetriable: true)
            }
            if !batch.isEmpty { lastHeard = .now }
            var letters: [Letter] = []
            for record in batch {
                let partition = TopicPartition(topic: record.topic, partition: record.partition)
                guard let end = open[partition] else { continue }
                if record.offset + 1 >= end { open[partition] = nil }
                let letter = Letter(record)
                if record.offset < end, selection.contains(letter) { letters.append(letter) }
            }
            if !disposed {
                let gone = try await register.disposed(of: letters.map(\.place))
                letters.removeAll { gone.contains($0.place) }
            }
            if !letters.isEmpty { try await body(letters) }
        }
    }

    func dispose(of letters: [Letter], as disposition: DeadLetterRegister.Disposition) async throws {
        try await register.dispose(of: letters.map(\.place), as: disposition)
    }
}
