import Contracts
import Store
import Telemetry

/// Handles requests together. Where one of them cannot be read or written, finds it by halving and leaves it out, so that it
/// holds up no other.
struct RequestBatch: Sendable {
    let logger: Logger
    let refused: Counter

    init(logger: Logger, metrics: Metrics) {
        self.logger = logger
        refused = metrics.counter(
            "winnow_keeper_refused_requests_total", "Requests that a chore could not handle, each time it tried.")
    }

    /// - Returns: the sum of what `body` returned.
    /// - Throws: a retriable fault of the store, and any fault of another kind.
    func handle(_ requests: [Request.ID], _ body: ([Request.ID]) async throws -> Int) async throws -> Int {
        guard !requests.isEmpty else { return 0 }
        do {
            return try await body(requests)
        } catch let error as StoreError where !error.isRetriable {
            guard requests.count > 1 else {
                refused.increment()
                logger.error(
                    "A request cannot be handled",
                    metadata: [LogKeys.requestID: "\(requests[0])", LogKeys.errorMessage: "\(error)"])
                return 0
            }
            let middle = requests.count / 2
            return try await handle(Array(requests[..<middle]), body) + handle(Array(requests[middle...]), body)
        }
    }
}
