import CatalogFile
import Contracts
import Delivery
import Lifecycle
import MessageBus
import Signing
import Store
import Synchronization
import Telemetry

/// Keeps a process at the catalog that is in force.
///
/// A process does nothing before it knows a catalog: without one, it would reject every request and every step. After
/// that it follows the topic, and a newer version takes effect without a restart.
/// - Consumes: `winnow.catalog.v1`, without a group
public enum CatalogFeed {
    /// Waits for the first catalog that the process can work with, and follows the topic from then on.
    /// - Parameters:
    ///   - follower: delivers later versions, once it runs.
    ///   - open: opens a reader of the topic.
    ///   - isUsable: whether the process can start with the catalog.
    /// - Throws: `CancellationError` if the process is asked to stop first.
    public static func live(
        follower: TopicFollower, signing: RecordSigning, logger: Logger, open: @escaping TopicFollower.Opening,
        isUsable: @escaping @Sendable (Catalog) -> Bool = { !$0.routes.isEmpty }
    ) async throws -> LiveCatalog {
        let first = FirstCatalog(logger: logger)
        let reading = TopicFollower(signing: signing, logger: logger, open: open)
        let found = Signal()
        reading.follow(Topic.catalog, from: .beginning, Signal()) { records in
            first.note(records, isUsable)
            if first.newest != nil { found.fire() }
        }
        logger.info("Waiting for a catalog of capabilities")
        // The reader stops by cancellation, as it would by the end of the process.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await reading.run() }
            group.addTask { await found.wait() }
            try await group.next()
            group.cancelAll()
        }
        guard let newest = first.newest else { throw CancellationError() }
        let live = LiveCatalog(newest.catalog, version: newest.number)
        logger.notice("Catalog in force", metadata: metadata(newest))
        follow(live, with: follower, logger: logger)
        return live
    }

    /// Reads the current catalog from the store, and waits until there is one. For the process that publishes it.
    /// - Throws: `CancellationError` if the process is asked to stop first; errors of the store that are not retriable
    public static func live(
        from register: any CatalogRegister, follower: TopicFollower, logger: Logger,
        retry: Duration = .seconds(1)
    ) async throws -> LiveCatalog {
        repeat {
            do {
                if let version = try await register.currentCatalog() {
                    let catalog = try CatalogFile.read(catalog: version.body, file: "catalog version \(version.number)")
                    let live = LiveCatalog(catalog, version: version.number)
                    logger.notice("Catalog in force", metadata: metadata((version.number, catalog)))
                    follow(live, with: follower, logger: logger)
                    return live
                }
                logger.info("Waiting for a catalog of capabilities")
            } catch let error as any RetriableError where error.isRetriable {
                logger.warning("The catalog cannot be read", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: retry)
        throw CancellationError()
    }

    private static func follow(_ live: LiveCatalog, with follower: TopicFollower, logger: Logger) {
        follower.follow(Topic.catalog, from: .beginning, Signal()) { records in
            for record in records {
                guard let read = CatalogMessage.read(record) else {
                    logger.error("A catalog cannot be read; the previous one stays in force")
                    continue
                }
                guard live.replace(with: read.catalog, version: read.number) else { continue }
                logger.notice("Catalog in force", metadata: metadata(read))
            }
        }
    }

    private static func metadata(_ read: (number: Int64, catalog: Catalog)) -> Logger.Metadata {
        ["winnow.catalog.version": "\(read.number)", LogKeys.count: "\(read.catalog.capabilities.count) capabilities"]
    }
}

/// The newest usable catalog of the topic so far.
private final class FirstCatalog: Sendable {
    private let state = Mutex<(number: Int64, catalog: Catalog)?>(nil)
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    var newest: (number: Int64, catalog: Catalog)? { state.withLock(\.self) }

    func note(_ records: [Record], _ isUsable: (Catalog) -> Bool) {
        for record in records {
            guard let read = CatalogMessage.read(record) else {
                logger.error("A catalog cannot be read")
                continue
            }
            guard isUsable(read.catalog) else { continue }
            state.withLock { if $0.map({ $0.number < read.number }) ?? true { $0 = read } }
        }
    }
}
