/// The answers so far.
struct Tally {
    var scheduled: [ContinuousClock.Instant]
    private(set) var answered = 0
    private var latencies: [Double?]
    private var notCompleted = 0
    private var last: ContinuousClock.Instant
    private let start: ContinuousClock.Instant
    private let requests: [Mix.Load]

    init(_ requests: [Mix.Load], start: ContinuousClock.Instant) {
        self.requests = requests
        self.start = start
        last = start
        scheduled = [ContinuousClock.Instant](repeating: start, count: requests.count)
        latencies = [Double?](repeating: nil, count: requests.count)
    }

    var open: Int { requests.count - answered }

    /// The first answer counts.
    mutating func answer(_ index: Int, at time: ContinuousClock.Instant, isCompleted: Bool) {
        guard latencies.indices.contains(index), latencies[index] == nil else { return }
        latencies[index] = scheduled[index].duration(to: time) / .milliseconds(1)
        answered += 1
        last = time
        if !isCompleted { notCompleted += 1 }
    }

    func report(lateness: [Double] = []) -> Report {
        Report(
            requests: requests.count,
            items: zip(requests, latencies).reduce(0) { $0 + ($1.1 == nil ? 0 : $1.0.items) },
            missing: open, notCompleted: notCompleted, seconds: start.duration(to: last) / .seconds(1),
            latencies: latencies.compactMap(\.self).sorted(), lateness: lateness.sorted())
    }
}
