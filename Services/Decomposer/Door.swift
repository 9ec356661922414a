import Contracts
import Store
import Synchronization
import Telemetry

/// Says which requests of a batch are worked on at once, and which wait for their turn.
///
/// The store is asked only when what it said last may not hold any more: while there is room for all, a batch costs no
/// round trip. What other decomposers let in within that second is not counted until then.
final class Door: Sendable {
    private struct Room {
        var left: Int
        var until: ContinuousClock.Instant
    }

    private let queue: any SubmissionQueue
    private let settings: IntakeSettings
    private let parked: Counter
    private let room = Mutex<Room?>(nil)
    private static let lifetime = Duration.seconds(1)

    init(queue: any SubmissionQueue, settings: IntakeSettings, metrics: Metrics) {
        self.queue = queue
        self.settings = settings
        parked = metrics.counter(
            "winnow_requests_parked_total", "Requests over their tenant's share, kept until their turn comes.")
    }

    /// - Returns: for each request, by its tenant and in order, whether it is let in.
    /// - Throws: `StoreError`
    func admits(_ tenants: [TenantID]) async throws -> [Bool] {
        let time = ContinuousClock.now
        let hasRoom = room.withLock { room in
            guard let known = room, known.until > time, known.left >= tenants.count else { return false }
            room?.left -= tenants.count
            return true
        }
        if hasRoom { return tenants.map { _ in true } }
        let occupancy = try await queue.occupancy(of: Array(Set(tenants)), settings.turn(at: .now))
        var turns = Turns(occupancy, window: settings.window, share: settings.share)
        let admitted = tenants.map { turns.admits($0) }
        room.withLock { $0 = Room(left: turns.headroom, until: time + Self.lifetime) }
        parked.increment(by: admitted.count { !$0 })
        return admitted
    }
}
