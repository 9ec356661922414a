import Lifecycle

/// When to beat: at once, at each interval, and whenever there is news.
struct Heart: Sendable {
    private let interval: Duration
    private let due = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(interval: Duration) { self.interval = interval }

    /// There is news: the next beat is due now.
    func quicken() { due.continuation.yield() }

    /// Returns after a stop.
    func run(_ beat: () async -> Void) async {
        await withTaskGroup(of: Void.self) { [interval, due] group in
            group.addTask {
                repeat { due.continuation.yield() } while await sleepUnlessShutDown(for: interval)
                due.continuation.finish()
            }
            for await _ in due.stream { await beat() }
        }
    }
}
