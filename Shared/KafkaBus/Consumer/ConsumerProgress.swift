import Synchronization
import Telemetry

/// Tells whether a consumer that waits for records makes progress: to its loop, in the log, as a metric.
///
/// `@unchecked Sendable`: the watch is used on the consumer's one thread only, the listener is behind a mutex.
final class ConsumerProgress: @unchecked Sendable {
    private var watch: ProgressWatch
    private var isStalled = false
    private let group: String
    private let logger: Logger
    private let stalled: Gauge
    private let rejoins: Counter
    private let listener = Mutex<@Sendable (Bool) -> Void>({ _ in })

    init(_ bounds: ProgressWatch.Bounds, group: String, logger: Logger, metrics: Metrics) {
        watch = ProgressWatch(bounds)
        self.group = group
        self.logger = logger
        stalled = metrics.gauge(
            "winnow_kafka_consumer_stalled", "1 while records wait and this member has fetched none for a minute.",
            [("group_id", group)])
        rejoins = metrics.counter(
            "winnow_kafka_consumer_rejoins_total", "How often a member that was stalled has joined its group anew.",
            [("group_id", group)])
    }

    /// - Parameter body: told `false` when the consumer stalls, and `true` when it goes on.
    func onChange(_ body: @escaping @Sendable (Bool) -> Void) { listener.withLock { $0 = body } }

    /// Records came, or the consumer waits deliberately.
    /// - Parameter keepsVerdict: whether a member that is stalled stays so: it has left its group only to join it again.
    func reset(unlessStalled keepsVerdict: Bool = false) {
        guard !(keepsVerdict && isStalled) else { return }
        watch.reset(at: .now)
        set(false)
    }

    /// To be called while nothing comes.
    /// - Parameter hasLag: whether records wait for this member; `nil` when the broker does not answer.
    /// - Returns: whether the consumer is to join its group anew.
    func look(unassignedSince: ContinuousClock.Instant?, _ hasLag: () -> Bool?) -> Bool {
        guard watch.isDue(at: .now) else { return false }
        switch watch.judge(hasLag: hasLag(), unassignedSince: unassignedSince, at: .now) {
        case .fine: set(false)
        case .waiting: break
        case .stalled(let mustRejoin):
            set(true)
            if mustRejoin {
                rejoins.increment()
                logger.warning("Consumer joins its group anew", metadata: [LogKeys.consumerGroup: group])
            }
            return mustRejoin
        }
        return false
    }

    private func set(_ isStalled: Bool) {
        guard self.isStalled != isStalled else { return }
        self.isStalled = isStalled
        stalled.set(isStalled ? 1 : 0)
        if isStalled {
            logger.error("Consumer is stalled: records wait and none comes", metadata: [LogKeys.consumerGroup: group])
        } else {
            logger.notice("Consumer goes on", metadata: [LogKeys.consumerGroup: group])
        }
        let tell = listener.withLock { $0 }
        tell(!isStalled)
    }
}

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
