import Contracts
import Lifecycle
import Store
import Synchronization
import Telemetry

/// Says which requests from a lane's topic are worked on at once, and which wait for their turn: interactive ones in
/// Postgres, tenant by tenant; bulk ones in the topic, so that a million of them are not copied.
///
/// Of the interactive lane the store is asked only when what it said last may not hold any more: while there is room for
/// all, a batch costs no round trip. What other decomposers let in within that second is not counted until then.
final class Door: Sendable {
    private struct Room {
        var left: Int
        var until: ContinuousClock.Instant
    }

    private let queue: any SubmissionQueue
    private let lane: Lane
    private let settings: IntakeSettings
    private let parked: Counter
    private let room = Mutex<Room?>(nil)
    private static let lifetime = Duration.seconds(1)

    init(queue: any SubmissionQueue, lane: Lane = .interactive, settings: IntakeSettings, metrics: Metrics) {
        self.queue = queue
        self.lane = lane
        self.settings = settings
        parked = metrics.counter(
            "winnow_requests_parked_total", "Requests over their tenant's share, kept until their turn comes.")
    }

    /// Returns once there is room for a batch: at once in the interactive lane; in the other while less than its window is
    /// under way, and the database answers.
    /// - Returns: `false` when a stop came first.
    func opens() async -> Bool {
        guard lane == .bulk else { return true }
        repeat {
            let occupancy = try? await queue.occupancy(of: [], settings.turn(lane, at: .now))
            if let occupancy, occupancy.underWay < settings.bulkWindow { return true }
        } while await sleepUnlessShutDown(for: settings.interval(lane))
        return false
    }

    /// - Returns: for each request, by its tenant and in order, whether it is let in.
    /// - Throws: `StoreError`
    func admits(_ tenants: [TenantID]) async throws -> [Bool] {
        guard lane == .interactive else { return tenants.map { _ in true } }
        let time = ContinuousClock.now
        let hasRoom = room.withLock { room in
            guard let known = room, known.until > time, known.left >= tenants.count else { return false }
            room?.left -= tenants.count
            return true
        }
        if hasRoom { return tenants.map { _ in true } }
        let occupancy = try await queue.occupancy(of: Array(Set(tenants)), settings.turn(lane, at: .now))
        var turns = Turns(occupancy, window: settings.window, share: settings.share)
        let admitted = tenants.map { turns.admits($0) }
        room.withLock { $0 = Room(left: turns.headroom, until: time + Self.lifetime) }
        parked.increment(by: admitted.count { !$0 })
        return admitted
    }
}
