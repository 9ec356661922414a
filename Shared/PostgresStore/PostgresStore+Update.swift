import Contracts
import Store

extension PostgresStore {
    /// Where another transaction wins, `transition` is asked again, with what that one left.
    public func update(
        _ requests: [Request.ID], _ transition: @escaping @Sendable ([RequestSnapshot]) throws -> [RequestChange]
    ) async throws -> [RequestSnapshot] {
        guard let batch = UpdateBatch(requests) else { return [] }
        let (open, snapshots) = try await session.run { [reports = onFinal != nil] connection in
            // The steps are a statement of their own: it sees what was committed while the locks were awaited.
            let read = try connection.execute("BEGIN", batch.lock, batch.steps)
            let before = try RequestReading.snapshots([read[1]], [read[2]], ids: batch.ids)
            let changes = try AppliedChanges(before.isEmpty ? [] : transition(before), to: before)
            let open = reports ? Set(before.lazy.filter { !$0.state.isFinal }.map(\.id)) : []
            return (open, try batch.write(changes, on: connection))
        }
        if let onFinal {
            for snapshot in snapshots where snapshot.state.isFinal && open.contains(snapshot.id) { onFinal(snapshot) }
        }
        return snapshots
    }
}
