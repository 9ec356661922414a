import Contracts
import Lifecycle
import Store
import Synchronization
import Telemetry

/// Says which requests from a lane's topic are worked on at once, and which wait for their turn: interactive ones in
/// Postgres, tenant by tenant; bulk ones in the topic, so that a million of them are not copied.
///
/// When too many requests of a tenant, or of all tenants, wait already, further ones are refused. They may be sent again later.
///
/// Of the interactive lane the store is asked only when what it said last may not hold any more: while there is room for
/// all, a batch costs no round trip. What other decomposers let in within that second is not counted until then.
final class AdmissionControl: Sendable {
    enum Verdict: Sendable, Equatable {
        case now, later
        /// So many wait that it is not kept.
        case never
    }

    private struct Backlog {
        var count: WaitingCount
        var until: ContinuousClock.Instant
    }

    private struct Room {
        var left: Int
        var until: ContinuousClock.Instant
    }

    private let queue: any SubmissionQueue
    private let lane: Lane
    private let settings: IntakeSettings
    private let parked: Counter
    private let refused: Counter
    private let room = Mutex<Room?>(nil)
    private let backlog = Mutex<Backlog?>(nil)
    private static let lifetime = Duration.seconds(1)

    init(queue: any SubmissionQueue, lane: Lane = .interactive, settings: IntakeSettings, metrics: Metrics) {
        self.queue = queue
        self.lane = lane
        self.settings = settings
        parked = metrics.counter(
            "winnow_requests_parked_total", "Requests over their tenant's share, kept until their turn comes.")
        refused = metrics.counter(
            "winnow_requests_refused_total", "Requests answered as overloaded, as too many wait for their turn.")
    }

    /// Whether there is room for a batch: always in the interactive lane; in the other while less than its window is under
    /// way, and the database answers.
    func isOpen() async -> Bool {
        guard lane == .bulk else { return true }
        let occupancy = try? await queue.occupancy(of: [], settings.turn(lane, at: .now))
        return occupancy.map { $0.underWay < settings.bulkWindow } ?? false
    }

    /// Returns once there is room for a batch.
    /// - Returns: `false` when a stop came first.
    func opens() async -> Bool {
        repeat {
            if await isOpen() { return true }
        } while await sleepUnlessShutDown(for: settings.interval(lane))
        return false
    }

    /// When a refused request is to be sent again.
    var retryAfterSeconds: Int { settings.retryAfterSeconds }

    /// - Returns: for each request, by its tenant and in order, whether it is let in, waits or is refused.
    /// - Throws: `StoreError`
    func admits(_ tenants: [TenantID]) async throws -> [Verdict] {
        guard lane == .interactive else { return tenants.map { _ in .now } }
        let time = ContinuousClock.now
        let hasRoom = room.withLock { room in
            guard let known = room, known.until > time, known.left >= tenants.count else { return false }
            room?.left -= tenants.count
            return true
        }
        if hasRoom { return tenants.map { _ in .now } }
        let occupancy = try await queue.occupancy(of: Array(Set(tenants)), settings.turn(lane, at: .now))
        var turns = FairShare(occupancy, window: settings.window, share: settings.share)
        let admitted = tenants.map { turns.admits($0) }
        room.withLock { $0 = Room(left: turns.headroom, until: time + Self.lifetime) }
        guard admitted.contains(false) else { return tenants.map { _ in .now } }
        var count = try await waiting(of: Set(zip(tenants, admitted).filter { !$0.1 }.map(\.0)), at: time)
        let verdicts = zip(tenants, admitted).map { tenant, isAdmitted in
            isAdmitted ? Verdict.now : count.admits(tenant, within: settings.waiting) ? .later : .never
        }
        backlog.withLock { $0?.count = count }
        parked.increment(by: verdicts.count { $0 == .later })
        refused.increment(by: verdicts.count { $0 == .never })
        return verdicts
    }

    /// Counting a long queue takes milliseconds, so what was counted holds for a second.
    private func waiting(of tenants: Set<TenantID>, at time: ContinuousClock.Instant) async throws -> WaitingCount {
        let known = backlog.withLock(\.self).flatMap { $0.until > time ? $0 : nil }
        let missing = tenants.filter { known?.count.tenants[$0] == nil }
        if let known, missing.isEmpty { return known.count }
        var count = try await queue.waiting(of: missing.sorted(), in: lane, atMost: settings.waiting)
        if let known { count.tenants.merge(known.count.tenants) { counted, _ in counted } }
        let until = known?.until ?? time + Self.lifetime
        backlog.withLock { [count] in $0 = Backlog(count: count, until: until) }
        return count
    }
}
