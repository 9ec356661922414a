import CatalogFile
import Contracts
import Delivery
import Lifecycle
import MessageBus
import Signing
import Store
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
        let live = LiveCatalog(Catalog())
        let reading = TopicFollower(signing: signing, logger: logger, open: open)
        let found = Signal()
        reading.follow(Topic.catalog, from: .beginning, Signal()) { records in
            take(records, into: live, logger: logger, if: isUsable)
            if live.version > 0 { found.fire() }
        }
        logger.info("Waiting for a catalog of capabilities")
        // The reader stops by cancellation, as it would by the end of the process.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await reading.run() }
            group.addTask { await found.wait() }
            try await group.next()
            group.cancelAll()
        }
        guard live.version > 0 else { throw CancellationError() }
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
                    let live = LiveCatalog(Catalog())
                    put(catalog, version.number, into: live, logger: logger)
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
        follower.follow(Topic.catalog, from: .beginning, Signal()) {
            take($0, into: live, logger: logger) { _ in true }
        }
    }

    /// Puts each newer version in force. The version is compared before the catalog is read, since the publisher repeats
    /// itself.
    private static func take(
        _ records: [Record], into live: LiveCatalog, logger: Logger, if isUsable: (Catalog) -> Bool
    ) {
        for record in records {
            guard let message = CatalogMessage(record), message.number > live.version else { continue }
            do {
                let catalog = try message.catalog()
                if isUsable(catalog) { put(catalog, message.number, into: live, logger: logger) }
            } catch {
                logger.error("A catalog cannot be read; the previous one stays in force")
            }
        }
    }

    private static func put(_ catalog: Catalog, _ number: Int64, into live: LiveCatalog, logger: Logger) {
        guard live.replace(with: catalog, version: number) else { return }
        logger.notice(
            "Catalog in force",
            metadata: [
                "winnow.catalog.version": "\(number)", LogKeys.count: "\(catalog.capabilities.count) capabilities",
            ])
    }
}
