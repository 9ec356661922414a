import Contracts
import Store

extension PostgresStore {
    /// Where another transaction wins, `transition` is asked again, with what that one left.
    public func update(
        _ requests: [Request.ID], _ transition: @escaping @Sendable ([RequestSnapshot]) throws -> [RequestChange]
    ) async throws -> [RequestSnapshot] {
        guard let batch = UpdateBatch(requests) else { return [] }
        return try await session.run { connection in
            // The steps are a statement of their own: it sees what was committed while the locks were awaited.
            let read = try connection.execute("BEGIN", batch.lock, batch.steps)
            let before = try RequestReading.snapshots([read[1]], [read[2]], ids: batch.ids)
            let changes = try AppliedChanges(before.isEmpty ? [] : transition(before), to: before)
            return try batch.write(changes, on: connection)
        }
    }
}
