import Synchronization

/// The catalog that is in force. It may change while a process runs.
public final class LiveCatalog: Sendable {
    private let state: Mutex<(catalog: Catalog, version: Int64)>

    /// - Parameter version: the number of the version; 0 for a catalog that was never applied.
    public init(_ catalog: Catalog, version: Int64 = 0) { state = Mutex((catalog, version)) }

    /// A batch reads it once, so that all of its records are judged by the same catalog.
    public var current: Catalog { state.withLock(\.catalog) }

    /// The catalog and the number of its version.
    public var snapshot: (catalog: Catalog, version: Int64) { state.withLock(\.self) }

    /// The number of the version that is in force.
    public var version: Int64 { state.withLock(\.version) }

    /// Puts a newer version in force. An older one, which a topic may deliver again, changes nothing.
    /// - Returns: whether the version is newer.
    public func replace(with catalog: Catalog, version: Int64) -> Bool {
        state.withLock { state in
            guard version > state.version else { return false }
            state = (catalog, version)
            return true
        }
    }
}
