import Contracts
import Store
import Synchronization

extension InMemoryStore: CatalogRegister {
    public func currentCatalog() async throws -> CatalogVersion? { catalogs.withLock(\.last) }

    public func currentCatalogNumber() async throws -> Int64? { catalogs.withLock { $0.last?.number } }

    public func catalogVersion(_ number: Int64) async throws -> CatalogVersion? {
        catalogs.withLock { $0.first { $0.number == number } }
    }

    public func catalogVersions(limit: Int) async throws -> [CatalogVersion] {
        catalogs.withLock { Array($0.reversed().prefix(max(0, limit))) }
    }

    public func openRoutes() async throws -> Set<Route> {
        state.withLock { state in
            Set(state.requests.values.filter { $0.state == .open }.flatMap { $0.steps.map(\.route) })
        }
    }

    public func addCatalog(
        _ body: [UInt8], fingerprint: String, after previous: Int64?, prices: [Price]
    ) async throws -> CatalogVersion? {
        let time = now()
        let version = catalogs.withLock { catalogs -> CatalogVersion? in
            guard catalogs.last?.number == previous else { return nil }
            let version = CatalogVersion(
                number: (previous ?? 0) + 1, appliedAt: time, fingerprint: fingerprint, body: body)
            catalogs.append(version)
            return version
        }
        if version != nil { try await registerPrices(prices) }
        return version
    }
}
