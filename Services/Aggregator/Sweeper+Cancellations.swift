import Delivery
import MessageBus
import Store
import Telemetry

extension Sweeper {
    /// Settles the requests that somebody wants stopped, and tells whoever computes.
    ///
    /// The wish is forgotten last: after a crash before that it is seen to again, under the same record ids.
    /// - Returns: how many wishes there were.
    func cancel() async throws -> Int {
        let wished = try await store.requestedCancellations(limit: settings.limit)
        guard !wished.isEmpty else { return 0 }
        let time = now()
        let snapshots = try await store.update(wished) { snapshots in
            snapshots.filter { !$0.state.isFinal }.map { snapshot in
                var progress = RequestProgress(snapshot, now: time)
                progress.cancel()
                return progress.change()
            }
        }
        let cancelled = snapshots.filter { $0.state == .cancelled }
        // Before the results, which may be many: until it is read, steps are computed for nobody.
        try await producer.send(cancelled.map { Emission.cancellation(of: $0, from: source.uri) })
        try await send(cancelled)
        try await store.forgetCancellations(of: wished)
        logger.notice("Requests cancelled", metadata: [LogKeys.count: "\(cancelled.count)"])
        return wished.count
    }
}
