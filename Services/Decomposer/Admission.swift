import Contracts
import Lifecycle
import Store

/// Lets bulk requests in while few of them are open: a million wait in their topic or in Postgres, not in every topic
/// behind it, and none is driven again because it has waited.
struct Admission: Sendable {
    private let store: any RequestStore
    private let window: Int
    private let interval: Duration

    init(store: any RequestStore, window: Int, interval: Duration = .milliseconds(200)) {
        self.store = store
        self.window = window
        self.interval = interval
    }

    /// Returns once fewer bulk requests than the window are open; waits for a database that is away, too.
    /// - Returns: `false` when a stop came first.
    func wait() async -> Bool {
        repeat {
            if let open = try? await store.openRequests(in: .bulk, atMost: window), open < window { return true }
        } while await sleepUnlessShutDown(for: interval)
        return false
    }
}
