import Contracts
import Delivery
import MessageBus
import Synchronization
import Telemetry

/// A handler that follows the catalog: when the catalog changes what the handler depends on, a new one is built beside
/// the old one and takes over between two batches, or from the next slow record on.
///
/// If the new one cannot be built, because a model does not load, the old one goes on, and the process says that it is
/// not ready. The next version of the catalog is another try.
public final class CatalogHandler<Handler: BatchHandler, Key: Equatable & Sendable>: BatchHandler {
    private struct State: Sendable {
        var handler: Handler
        var key: Key
        var version: Int64
    }

    private let catalog: LiveCatalog
    private let key: @Sendable (Catalog) -> Key
    private let build: @Sendable (Catalog) throws -> Handler
    private let logger: Logger
    private let onReadiness: @Sendable (Bool) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - key: what of the catalog the handler depends on.
    ///   - onReadiness: called when a change takes effect, or cannot.
    ///   - build: called once at once, and then for each new key.
    /// - Throws: the first error of `build`
    public init(
        _ catalog: LiveCatalog, key: @escaping @Sendable (Catalog) -> Key, logger: Logger,
        onReadiness: @escaping @Sendable (Bool) -> Void, build: @escaping @Sendable (Catalog) throws -> Handler
    ) throws {
        self.catalog = catalog
        self.key = key
        self.logger = logger
        self.onReadiness = onReadiness
        self.build = build
        let (current, version) = catalog.snapshot
        state = Mutex(State(handler: try build(current), key: key(current), version: version))
    }

    public func prepare() async throws { try await current().prepare() }

    public func isDue(_ records: [Record]) async -> Bool { await current().isDue(records) }

    public func waitUntilDue(_ records: [Record]) async -> Bool { await current().waitUntilDue(records) }

    public func handle(_ records: [Record]) async throws -> [OutgoingRecord] { try await current().handle(records) }

    public func isSlow(_ record: Record) -> Bool { current().isSlow(record) }

    public func handleSlow(_ record: Record) async throws -> [OutgoingRecord] {
        try await current().handleSlow(record)
    }

    private func current() -> Handler {
        let (catalog, version) = catalog.snapshot
        return state.withLock { state in
            guard version != state.version else { return state.handler }
            state.version = version
            let key = key(catalog)
            let metadata = ["winnow.catalog.version": "\(version)"]
            guard key != state.key else {
                onReadiness(true)
                return state.handler
            }
            do {
                state.handler = try build(catalog)
                state.key = key
                onReadiness(true)
                logger.notice("Models of the new catalog are in use", metadata: metadata)
            } catch {
                onReadiness(false)
                logger.error(
                    "Models of the new catalog cannot be used; those of the old one go on",
                    metadata: metadata.merging([LogKeys.errorMessage: "\(error)"]) { $1 })
            }
            return state.handler
        }
    }
}

/// Keeps the newest value, so that handlers of several lanes share one set of models.
public final class Newest<Key: Equatable & Sendable, Value: Sendable>: Sendable {
    private let state = Mutex<(key: Key, value: Value)?>(nil)

    public init() {}

    /// - Returns: the kept value if it was made for the same key, else a new one.
    public func value(for key: Key, _ make: () throws -> Value) rethrows -> Value {
        try state.withLock { state in
            if let state, state.key == key { return state.value }
            let value = try make()
            state = (key, value)
            return value
        }
    }
}
