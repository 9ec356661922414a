import CatalogFeed
import Contracts
import MessageBus
import Planning
import Store
import Telemetry

/// Publishes the catalog that is in force: when this process becomes the leader, after every new version, and
/// periodically, since the embedded broker forgets its topics.
final class CatalogChore: Chore {
    let name = "catalog"
    let interval: Duration
    private let source: EventSource
    private let store: any CatalogRegister
    private let producer: any MessageProducer
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let published: LastPublication<Int64>

    init(
        interval: Duration, source: EventSource, store: any CatalogRegister, producer: any MessageProducer,
        republishMilliseconds: Int64, logger: Logger, now: @escaping @Sendable () -> Timestamp
    ) {
        self.interval = interval
        self.source = source
        self.store = store
        self.producer = producer
        published = LastPublication(repeatAfterMilliseconds: republishMilliseconds)
        self.logger = logger
        self.now = now
    }

    func work() async throws -> ChoreRound {
        let time = now()
        // The catalog itself is read only if it must be sent.
        guard let number = try await store.currentCatalogNumber(), published.isDue(number, at: time),
            let version = try await store.currentCatalog()
        else { return .nothing }
        try await producer.send([CatalogMessage.record(of: version, from: source.uri, at: time)])
        if published.note(version.number, at: time) {
            logger.notice("Catalog published", metadata: ["winnow.catalog.version": "\(version.number)"])
        }
        return ChoreRound(handled: 1)
    }
}
