import Contracts
import Store

/// Expires requests whose deadline has passed.
struct DeadlineChore: Chore {
    let name = "deadlines"
    let interval: Duration
    let store: any RequestStore
    let batch: RequestBatch
    let emissions: Wake
    let limit: Int
    let now: @Sendable () -> Timestamp

    func work() async throws -> ChoreRound {
        let time = now()
        let due = try await store.pastDeadline(at: time, limit: limit)
        let handled = try await batch.handle(due) { requests in
            let snapshots = try await store.update(requests) { snapshots in
                snapshots.filter { !$0.state.isFinal }.map { snapshot in
                    var progress = RequestProgress(snapshot, now: time)
                    progress.expire()
                    var change = progress.change()
                    change.owed = [.state]
                    return change
                }
            }
            return snapshots.count
        }
        if handled > 0 { emissions.call() }
        return ChoreRound(handled: handled, hasMore: handled == limit)
    }
}
