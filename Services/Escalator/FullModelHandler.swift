import Contracts
import Delivery
import MessageBus

/// All that the full model is asked for in a lane.
struct FullModelHandler: BatchHandler {
    let escalations: EscalationHandler
    /// Checks in the background ride with the bulk lane: a consumer of their own would cost an idle suite more than they do.
    let shadows: ShadowHandler

    func prepare() async throws {
        try await escalations.prepare()
        try await shadows.prepare()
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        let checks = records.filter { $0.topic == Topic.shadows }
        let emitted =
            checks.count < records.count
            ? try await escalations.handle(records.filter { $0.topic != Topic.shadows }) : []
        return emitted + (checks.isEmpty ? [] : try await shadows.handle(checks))
    }
}
