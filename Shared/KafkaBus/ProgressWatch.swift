/// Judges by progress whether a consumer works: one that has records to fetch and fetches none is stalled.
///
/// A client can hang without any error, and then nothing but the records that wait tells of it.
struct ProgressWatch {
    /// - Default: stalled after a minute; waiting records are counted every 20 s while nothing comes.
    struct Bounds: Sendable {
        var stall = Duration.seconds(60)
        var look = Duration.seconds(20)
        /// Between two attempts to join the group anew, which double up to it.
        var longestRetry = Duration.seconds(480)
    }

    enum Verdict: Equatable { case fine, waiting, stalled(rejoins: Bool) }

    private let bounds: Bounds
    private var nextLook: ContinuousClock.Instant
    /// Since when nothing was fetched although something waits.
    private var waitingSince: ContinuousClock.Instant?
    private var nextRejoin: ContinuousClock.Instant?
    private var retry: Duration

    init(_ bounds: Bounds = Bounds(), at now: ContinuousClock.Instant = .now) {
        self.bounds = bounds
        retry = bounds.stall
        nextLook = now + bounds.look
    }

    /// Whether it is time to count what waits.
    func isDue(at now: ContinuousClock.Instant) -> Bool { now >= nextLook }

    /// Records came, none wait, or the consumer is paused or away.
    mutating func reset(at now: ContinuousClock.Instant) {
        waitingSince = nil
        nextRejoin = nil
        retry = bounds.stall
        nextLook = now + bounds.look
    }

    /// - Parameters:
    ///   - hasLag: whether records wait in the partitions of this member; `nil` when the broker does not answer.
    ///   - unassignedSince: since when the member has no assignment.
    mutating func judge(
        hasLag: Bool?, unassignedSince: ContinuousClock.Instant?, at now: ContinuousClock.Instant
    ) -> Verdict {
        if hasLag == false, unassignedSince == nil {
            reset(at: now)
            return .fine
        }
        nextLook = now + bounds.look
        if hasLag == true { waitingSince = waitingSince ?? now }
        guard let since = [waitingSince, unassignedSince].compactMap(\.self).min(), now - since >= bounds.stall else {
            return .waiting
        }
        guard now >= nextRejoin ?? now else { return .stalled(rejoins: false) }
        nextRejoin = now + retry
        retry = min(retry * 2, bounds.longestRetry)
        return .stalled(rejoins: true)
    }
}
