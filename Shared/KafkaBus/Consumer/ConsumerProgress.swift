import Synchronization
import Telemetry

/// Reports whether a consumer with waiting records makes progress: to its loop, to the log and as a metric.
///
/// `@unchecked Sendable`: only the consumer's thread uses the watch, and a mutex guards the listener.
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
            "winnow_kafka_consumer_rejoins_total", "How often a stalled member has left and rejoined its group.",
            [("group_id", group)])
    }

    /// - Parameter body: called with `false` when the consumer stalls, and with `true` when it makes progress again.
    func onChange(_ body: @escaping @Sendable (Bool) -> Void) { listener.withLock { $0 = body } }

    /// Called when records arrive, or when the consumer is paused or out of its group.
    /// - Parameter keepsVerdict: whether a stalled member remains stalled, because it left its group only to rejoin it.
    func reset(unlessStalled keepsVerdict: Bool = false) {
        guard !(keepsVerdict && isStalled) else { return }
        watch.reset(at: .now)
        set(false)
    }

    /// Reads the lag if it is time, and reports a stall or its end. Must be called again and again while no records
    /// arrive.
    /// - Parameter hasLag: whether records wait for this member; `nil` if the broker does not answer.
    /// - Returns: whether the consumer must rejoin its group.
    func look(unassignedSince: ContinuousClock.Instant?, _ hasLag: () -> Bool?) -> Bool {
        guard watch.isDue(at: .now) else { return false }
        switch watch.judge(hasLag: hasLag(), unassignedSince: unassignedSince, at: .now) {
        case .fine: set(false)
        case .waiting: break
        case .stalled(let mustRejoin):
            set(true)
            if mustRejoin {
                rejoins.increment()
                logger.warning("Consumer rejoins its group", metadata: [LogKeys.consumerGroup: group])
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
            logger.error("Consumer is stalled: records wait but none arrive", metadata: [LogKeys.consumerGroup: group])
        } else {
            logger.notice("Consumer makes progress again", metadata: [LogKeys.consumerGroup: group])
        }
        let tell = listener.withLock { $0 }
        tell(!isStalled)
    }
}

/// Detects stalled consumers: a consumer that has records to fetch and fetches none is stalled.
///
/// A client can hang without reporting an error. The waiting records are then the only sign.
struct ProgressWatch {
    /// - Default: stalled after one minute; the lag is read every 20 s while no records arrive.
    struct Bounds: Sendable {
        var stall = Duration.seconds(60)
        var look = Duration.seconds(20)
        /// The maximum time between two attempts to rejoin the group. The time doubles up to this value.
        var longestRetry = Duration.seconds(480)
    }

    enum Verdict: Equatable { case fine, waiting, stalled(rejoins: Bool) }

    private let bounds: Bounds
    private var nextLook: ContinuousClock.Instant
    /// The time since which nothing was fetched although records wait.
    private var waitingSince: ContinuousClock.Instant?
    private var nextRejoin: ContinuousClock.Instant?
    private var retry: Duration

    init(_ bounds: Bounds = Bounds(), at now: ContinuousClock.Instant = .now) {
        self.bounds = bounds
        retry = bounds.stall
        nextLook = now + bounds.look
    }

    /// Whether it is time to read the lag.
    func isDue(at now: ContinuousClock.Instant) -> Bool { now >= nextLook }

    /// Called when records arrive, none wait, or the consumer is paused or has left its group.
    mutating func reset(at now: ContinuousClock.Instant) {
        waitingSince = nil
        nextRejoin = nil
        retry = bounds.stall
        nextLook = now + bounds.look
    }

    /// Judges the progress. A broker that does not answer proves neither a stall nor progress.
    /// - Parameters:
    ///   - hasLag: whether records wait in this member's partitions; `nil` if the broker does not answer.
    ///   - unassignedSince: the time since which the member has no assignment.
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
