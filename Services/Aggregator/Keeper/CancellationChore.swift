import Contracts
import Store

/// Ends the requests that somebody wants stopped.
///
/// The wish is forgotten last: after a crash before that the request is final already, and keeps the emissions that it owes.
struct CancellationChore: Chore {
    let name = "cancellations"
    let interval: Duration
    let store: any RequestStore & CancellationQueue
    let batch: RequestBatch
    let emissions: Wake
    let limit: Int
    let now: @Sendable () -> Timestamp

    func work() async throws -> ChoreRound {
        let time = now()
        let wished = try await store.requestedCancellations(limit: limit)
        guard !wished.isEmpty else { return .nothing }
        let handled = try await batch.handle(wished) { requests in
            _ = try await store.update(requests) { snapshots in
                snapshots.filter { !$0.state.isFinal }.map { snapshot in
                    var progress = RequestProgress(snapshot, now: time)
                    progress.cancel()
                    var change = progress.change()
                    change.owed = [.cancellation, .state]
                    return change
                }
            }
            try await store.forgetCancellations(of: requests)
            return requests.count
        }
        emissions.call()
        return ChoreRound(handled: handled, hasMore: handled == limit)
    }
}
