import Contracts
import Store

/// A chore of the database that has no decisions of its own: partitions, folding the ledger's sums, forgetting instances.
struct MaintenanceChore: Chore {
    let name: String
    let interval: Duration
    private let body: @Sendable () async throws -> ChoreRound

    init(_ name: String, every interval: Duration, _ body: @escaping @Sendable () async throws -> ChoreRound) {
        self.name = name
        self.interval = interval
        self.body = body
    }

    func work() async throws -> ChoreRound { try await body() }
}
