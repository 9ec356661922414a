import Contracts
import MessageBus

/// How long and how often records with a temporary fault are retried.
public struct RetryPolicy: Sendable {
    /// How long a whole batch is retried, with backoff. After that it is bisected. - Default: 10 s.
    public var inPlace: Duration
    /// After this time no part of the batch is retried, and what is left goes to the retry topic. The last retry may
    /// wait 10 s for a lock, so a batch blocks its partitions for at most 30 s. - Default: 20 s.
    public var longestBlock: Duration
    /// The number of deliveries after which a record becomes a dead letter. - Default: 5.
    public var maxAttempts: Int
    /// The time between two deliveries. It is the same for all records, so that the topic is ordered by due time.
    /// - Default: 30 s.
    public var delay: Duration

    public init(
        inPlace: Duration = .seconds(10), longestBlock: Duration = .seconds(20), maxAttempts: Int = 5,
        delay: Duration = .seconds(30)
    ) {
        self.inPlace = inPlace
        self.longestBlock = longestBlock
        self.maxAttempts = maxAttempts
        self.delay = delay
    }

    /// Returns the record to write for a failed record: a retry or a dead letter.
    /// - Parameter wasAlone: whether the record was processed alone. If it failed as part of a batch, another record
    ///   may be the cause, so it never becomes a dead letter for too many attempts.
    func record(
        for record: Record, _ error: any Error, wasAlone: Bool, consumerGroup: String, now: Timestamp
    ) -> OutgoingRecord {
        let attempt = Retry.attempt(of: record)
        guard Fault(error) == .temporary, attempt < maxAttempts || !wasAlone else {
            return DeadLetter.record(from: record, consumerGroup: consumerGroup, error: error, attempt: attempt)
        }
        return Retry.record(from: record, notBefore: now.adding(milliseconds: Int64(delay / .milliseconds(1))))
    }
}

/// The time for which a batch has blocked its partitions.
struct RetryBudget {
    /// Whether the batch may be retried as a whole.
    var allowsRetry: Bool { bounds.map { elapsed < $0.inPlace } ?? true }
    /// Whether nothing more of the batch may be retried.
    var isOver: Bool { bounds.map { elapsed >= $0.longestBlock } ?? false }

    private let bounds: RetryPolicy?
    private var start = ContinuousClock.now
    private var elapsed: Duration { ContinuousClock.now - start }

    /// - Parameter bounds: `nil` for no limit.
    init(_ bounds: RetryPolicy?) { self.bounds = bounds }

    /// Restarts the budget after a wait for a dependency: the records did not cause it.
    mutating func renew() { start = .now }
}

/// Exponential backoff with full jitter, so that instances do not retry all at once.
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
