import Contracts

/// One version of the whole catalog, as it was applied.
public struct CatalogVersion: Sendable, Equatable {
    /// Ascending; not without gaps.
    public var number: Int64
    public var appliedAt: Timestamp
    /// The SHA-256 of `body`, in lower-case hexadecimal.
    public var fingerprint: String
    /// The catalog in its canonical form.
    public var body: [UInt8]

    public init(number: Int64, appliedAt: Timestamp, fingerprint: String, body: [UInt8]) {
        self.number = number
        self.appliedAt = appliedAt
        self.fingerprint = fingerprint
        self.body = body
    }
}

/// The versions of the catalog. The newest one is in force.
public protocol CatalogRegister: Sendable {
    /// - Returns: `nil` before the first version.
    func currentCatalog() async throws -> CatalogVersion?

    /// The number of the current version; `nil` before the first.
    func currentCatalogNumber() async throws -> Int64?

    /// - Returns: `nil` if there is no such version.
    func catalogVersion(_ number: Int64) async throws -> CatalogVersion?

    /// - Returns: the newest versions, the newest first.
    func catalogVersions(limit: Int) async throws -> [CatalogVersion]

    /// The routes of the steps of open requests.
    func openRoutes() async throws -> Set<Route>

    /// Adds a version, unless another one was added since the caller has read the current one.
    /// - Parameters:
    ///   - previous: the number of the version that the caller has compared the new one with; `nil` for none.
    ///   - prices: prices of the version's endpoints that the store does not have, added in the same transaction.
    /// - Returns: the new version; `nil` if `previous` is not the current version any more.
    func addCatalog(
        _ body: [UInt8], fingerprint: String, after previous: Int64?, prices: [Price]
    ) async throws -> CatalogVersion?
}

extension CatalogRegister {
    /// Adds a version without prices.
    public func addCatalog(
        _ body: [UInt8], fingerprint: String, after previous: Int64?
    ) async throws -> CatalogVersion? {
        try await addCatalog(body, fingerprint: fingerprint, after: previous, prices: [])
    }
}
