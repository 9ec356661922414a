import Contracts
import Store
import Telemetry

/// Gives up calls of the full model whose process died. They are `unknown` then and keep their reserved price.
struct LostCallChore: Chore {
    let name = "lost-calls"
    let interval: Duration
    let store: any RequestStore
    let settings: KeeperSettings
    let logger: Logger

    func work() async throws -> ChoreRound {
        let lost = try await store.abandonCalls(olderThan: settings.abandonAfter, limit: settings.limit)
        guard !lost.isEmpty else { return .nothing }
        logger.notice("Lost calls are unknown", metadata: [LogKeys.count: "\(lost.count)"])
        return ChoreRound(handled: lost.count, hasMore: lost.count == settings.limit)
    }
}
