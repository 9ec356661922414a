import Contracts
import Store

/// The tasks of earlier versions of the catalog.
///
/// A request keeps the labels, the words of the question and the comparator of the version that accepted it. Only the
/// model may be newer. Most requests end under the version that accepted them, so little is ever read here.
public actor EarlierCatalogs {
    private let live: LiveCatalog
    private let register: any CatalogRegister
    /// `nil` for a version that there is not, or that this program cannot read.
    private var known: [Int64: Catalog?] = [:]
    /// Those that wait while a version is read, so that many who ask at the same time make one read.
    private var waiting: [Int64: [CheckedContinuation<Void, Never>]] = [:]

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
        while waiting[version] != nil { await withCheckedContinuation { waiting[version]?.append($0) } }
        if let catalog = known[version] { return catalog }
        waiting[version] = []
        defer { for reader in waiting.removeValue(forKey: version) ?? [] { reader.resume() } }
        let catalog = try await register.catalogVersion(version).flatMap { try? $0.catalog() }
        if known.count >= Self.most, let oldest = known.keys.min() { known[oldest] = nil }
        known.updateValue(catalog, forKey: version)
        return catalog
    }
}
