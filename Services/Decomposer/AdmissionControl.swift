import Contracts
import Lifecycle
import Store
import Synchronization
import Telemetry

/// Decides which requests of a lane's topic are admitted at once, and which wait. Interactive requests wait in
/// Postgres, in a queue for each tenant. Bulk requests wait in the topic, so that a million of them are not copied.
///
/// When too many requests of a tenant, or of all tenants, wait already, further requests are refused. Clients may send
/// them again later.
///
/// In the interactive lane, the store's count of requests in progress is used for one second. While it leaves room for
/// a whole batch, admitting the batch costs no round trip. Requests that other decomposers admit within that second are
/// not counted.
final class AdmissionControl: Sendable {
    enum Verdict: Sendable, Equatable {
        /// Admitted at once, or stored until its turn comes.
        case now, later
        /// Refused as `overloaded`, because too many requests wait already. Nothing is stored.
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
            "winnow_requests_refused_total",
            "Requests answered as overloaded because too many requests wait for their turn.")
    }

    /// Returns whether the lane's loop may read a batch from its topic. The interactive lane always may: what exceeds
    /// its window is stored. The bulk lane may if the database answers and fewer requests than its window are in
    /// progress.
    func isOpen() async -> Bool {
        guard lane == .bulk else { return true }
        let occupancy = try? await queue.occupancy(of: [], settings.turn(lane, at: .now))
        return occupancy.map { $0.underWay < settings.bulkWindow } ?? false
    }

    /// Waits until `isOpen` is true.
    /// - Returns: `false` if a stop was requested first.
    func opens() async -> Bool {
        repeat {
            if await isOpen() { return true }
        } while await sleepUnlessShutDown(for: settings.interval(lane))
        return false
    }

    /// The delay after which a client may send a refused request again.
    var retryAfterSeconds: Int { settings.retryAfterSeconds }

    /// - Returns: for each tenant's request, in order, whether it is admitted, waits or is refused.
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

    /// Counting a long queue takes milliseconds, so a count is valid for one second.
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
