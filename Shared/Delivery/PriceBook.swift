import Contracts
import Store
import Synchronization

/// The prices, read again once in a while: a new price needs no restart.
public final class PriceBook: Sendable {
    private let store: any RequestStore
    private let lifetime: Duration
    private let known = Mutex<(prices: PriceList, readAt: ContinuousClock.Instant)?>(nil)

    public init(store: any RequestStore, lifetime: Duration = .seconds(10)) {
        self.store = store
        self.lifetime = lifetime
    }

    /// - Throws: `StoreError`
    public func current() async throws -> PriceList {
        let now = ContinuousClock.now
        if let known = known.withLock(\.self), now - known.readAt < lifetime { return known.prices }
        let prices = PriceList(try await store.prices())
        known.withLock { $0 = (prices, now) }
        return prices
    }
}
