import CatalogFile
import Contracts
import Store

/// The tasks of earlier versions of the catalog.
///
/// A request keeps the labels, the words of the question and the comparator of the version that accepted it. Only the
/// model may be newer. Most requests end under the version that accepted them, so little is ever read here.
public actor EarlierCatalogs {
    private let live: LiveCatalog
    private let register: any CatalogRegister
    private var known: [Int64: Catalog] = [:]

    /// Of one version at a time there are few. Each is at most a megabyte.
    private static let most = 4

    public init(_ live: LiveCatalog, _ register: any CatalogRegister) {
        self.live = live
        self.register = register
    }

    /// - Parameter version: the number of the version; `nil` for a request from before catalogs.
    /// - Returns: the task as it is now, if the version is the one in force, later, or without the task.
    /// - Throws: `StoreError`
    public func task(_ route: Route, in version: Int64?) async throws -> TaskDescription? {
        let (current, number) = live.snapshot
        guard let version, version < number else { return current[route] }
        return try await catalog(version)?[route] ?? current[route]
    }

    private func catalog(_ version: Int64) async throws -> Catalog? {
        if let catalog = known[version] { return catalog }
        guard let stored = try await register.catalogVersion(version) else { return nil }
        // A version of a later program than this one cannot be read by it.
        guard let catalog = try? CatalogFile.read(catalog: stored.body, file: "version \(version)") else { return nil }
        if known.count >= Self.most, let oldest = known.keys.min() { known[oldest] = nil }
        known[version] = catalog
        return catalog
    }
}
