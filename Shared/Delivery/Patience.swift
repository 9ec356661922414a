/// How long a batch has held up its partitions.
struct Patience {
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
