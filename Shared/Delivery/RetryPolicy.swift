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
