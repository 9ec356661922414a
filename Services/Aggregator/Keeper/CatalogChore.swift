import CatalogFeed
import Contracts
import MessageBus
import Planning
import Store
import Synchronization
import Telemetry

/// Publishes the catalog that is in force: when this process becomes the leader, after every new version, and
/// periodically, since the embedded broker forgets its topics.
final class CatalogChore: Chore {
    let name = "catalog"
    let interval: Duration
    private let source: EventSource
    private let store: any CatalogRegister
    private let producer: any MessageProducer
    private let republishMilliseconds: Int64
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    /// The last publication, and when it was sent.
    private let published = Mutex<(version: Int64, at: Timestamp)?>(nil)

    init(
        interval: Duration, source: EventSource, store: any CatalogRegister, producer: any MessageProducer,
        republishMilliseconds: Int64, logger: Logger, now: @escaping @Sendable () -> Timestamp
    ) {
        self.interval = interval
        self.source = source
        self.store = store
        self.producer = producer
        self.republishMilliseconds = republishMilliseconds
        self.logger = logger
        self.now = now
    }

    func work() async throws -> ChoreRound {
        guard let version = try await store.currentCatalog() else { return .nothing }
        let time = now()
        let last = published.withLock(\.self)
        let isNews = last?.version != version.number
        guard isNews || last.map({ $0.at.adding(milliseconds: republishMilliseconds) <= time }) ?? true else {
            return .nothing
        }
        try await producer.send([CatalogMessage.record(of: version, from: source.uri, at: time)])
        published.withLock { $0 = (version.number, time) }
        if isNews {
            logger.notice("Catalog published", metadata: ["winnow.catalog.version": "\(version.number)"])
        }
        return ChoreRound(handled: 1)
    }
}
