import Contracts
import Synchronization

extension InMemoryStore: CancellationQueue {
    public func requestCancellation(of requests: [Request.ID], at time: Timestamp) async throws {
        cancellations.withLock { known in
            for request in requests where known[request] == nil { known[request] = time }
        }
    }

    public func requestedCancellations(limit: Int) async throws -> [Request.ID] {
        cancellations.withLock { known in
            known.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(max(0, limit)).map(\.key)
        }
    }

    public func forgetCancellations(of requests: [Request.ID]) async throws {
        cancellations.withLock { known in
            for request in requests { known[request] = nil }
        }
    }
}
