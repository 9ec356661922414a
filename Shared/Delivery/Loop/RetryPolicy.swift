import Contracts
import MessageBus

/// How long and how often records are tried again whose fault may pass.
public struct RetryPolicy: Sendable {
    /// How long a batch is tried again as a whole, with backoff. - Default: 10 s.
    public var inPlace: Duration
    /// After it nothing more of the batch is tried. The last try may wait 10 s for a lock, so a partition is held up for
    /// 30 s at most. - Default: 20 s.
    public var holdUp: Duration
    /// Deliveries, after which a record becomes a dead letter. - Default: 5.
    public var maxAttempts: Int
    /// Between two deliveries; one for all, so that the topic is in the order of what is due. - Default: 30 s.
    public var delay: Duration

    public init(
        inPlace: Duration = .seconds(10), holdUp: Duration = .seconds(20), maxAttempts: Int = 5,
        delay: Duration = .seconds(30)
    ) {
        self.inPlace = inPlace
        self.holdUp = holdUp
        self.maxAttempts = maxAttempts
        self.delay = delay
    }

    /// Where a record goes that failed.
    /// - Parameter wasAlone: whether it was tried by itself; as one of many it is not known to be at fault, and is never
    ///   given up.
    func record(
        for record: Record, _ error: any Error, wasAlone: Bool, consumerGroup: String, now: Timestamp
    ) -> OutgoingRecord {
        let attempt = Retry.attempt(of: record)
        guard Fault(error) == .passing, attempt < maxAttempts || !wasAlone else {
            return DeadLetter.record(from: record, consumerGroup: consumerGroup, error: error, attempt: attempt)
        }
        return Retry.record(from: record, notBefore: now.adding(milliseconds: Int64(delay / .milliseconds(1))))
    }
}

/// How long a batch has held up its partitions.
struct RetryBudget {
    /// Whether the batch may be tried again as it is.
    var allowsRetry: Bool { bounds.map { elapsed < $0.inPlace } ?? true }
    /// Whether nothing more of the batch may be tried.
    var isOver: Bool { bounds.map { elapsed >= $0.holdUp } ?? false }

    private let bounds: RetryPolicy?
    private var start = ContinuousClock.now
    private var elapsed: Duration { ContinuousClock.now - start }

    /// - Parameter bounds: `nil` has no end.
    init(_ bounds: RetryPolicy?) { self.bounds = bounds }

    /// The time for which a dependency was away says nothing against the records.
    mutating func renew() { start = .now }
}

/// Exponential waiting with full jitter, so that instances do not come back all at once.
/// - Source: AWS Architecture Blog, "Exponential Backoff and Jitter"
public struct Backoff: Sendable {
    private let first: Duration
    private let most: Duration
    private var exponent = 0

    public init(first: Duration = .milliseconds(50), most: Duration = .seconds(5)) {
        self.first = first
        self.most = most
    }

    public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = min(most, first * (1 << min(exponent, 20)))
        exponent += 1
        return ceiling * Double.random(in: 0.5...1, using: &generator)
    }
}
