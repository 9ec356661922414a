import Contracts
import Lifecycle
import MessageBus
import Runtime
import Synchronization
import Telemetry

/// A service's delivery loops, one a lane, and what has the bulk one go second.
///
/// Each loop runs on a thread of its own, for a model computes for milliseconds and would block a thread of the cooperative
/// pool. The bulk loop's thread is a background one: the scheduler runs every other thread of the machine first. The gate
/// between the two keeps the bulk loop from taking the caches too.
/// - Source: infra/decisions/0013-lanes.md, infra/decisions/0027-threads-for-models.md
public struct LaneLoops<Handler: BatchHandler>: Service {
    private let interactive: DeliveryLoop<Handler>
    private let bulk: DeliveryLoop<Handler>

    /// - Parameters:
    ///   - name: the health check of the interactive loop; the bulk one's is called after it.
    ///   - gate: where all loops of the process meet.
    ///   - health: told of each lane whether its loop can make progress.
    ///   - handler: with a gate for the bulk lane, at which it gives way between chunks of model time.
    public init(
        service: String, name: String = "delivery", gate: LaneGate = LaneGate(), producer: any MessageProducer,
        logger: Logger, metrics: Metrics, health: Health,
        consumer: (Lane) throws -> any MessageConsumer, handler: (Lane, LaneGate?) throws -> Handler
    ) throws {
        func loop(_ lane: Lane) throws -> DeliveryLoop<Handler> {
            DeliveryLoop(
                service: lane.loop(of: service), consumer: try consumer(lane), producer: producer,
                handler: try handler(lane, lane == .bulk ? gate : nil), logger: logger, metrics: metrics,
                lane: lane, gate: gate, onReadiness: health.check(lane.loop(of: name)).set)
        }
        interactive = try loop(.interactive)
        bulk = try loop(.bulk)
    }

    public func run() async throws {
        let foreground = ThreadExecutor(), background = ThreadExecutor(isBackground: true)
        defer {
            foreground.stop()
            background.stop()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: foreground) { try await interactive.run() }
            group.addTask(executorPreference: background) { try await bulk.run() }
            try await group.waitForAll()
        }
    }
}

/// Has a process's bulk lane wait while its interactive lane has batches in hand.
///
/// The wait ends with those batches, whether or not the next one follows at once: under any load the bulk lane gets a
/// chunk for each interactive batch, so it never starves.
public final class LaneGate: Sendable {
    /// An interactive batch in hand.
    private final class Hold: Sendable {
        private let done = Mutex(Signal())

        func wait() async { await done.withLock(\.self).wait() }

        func end() { done.withLock { $0.fire() } }

        func begin() { done.withLock { $0 = Signal() } }
    }

    @TaskLocal private static var current: Hold?

    private let inHand = Mutex<[Hold]>([])

    public init() {}

    /// Returns once the interactive batches in hand are done, or a stop came; at once when there are none.
    public func giveWay() async {
        for batch in inHand.withLock(\.self) { await batch.wait() }
    }

    /// Works on a batch: an interactive one at once, a bulk one when it is its turn.
    func pass<Result>(_ lane: Lane, _ body: () async throws -> Result) async rethrows -> Result {
        guard lane == .interactive else {
            await giveWay()
            return try await body()
        }
        let hold = Hold()
        inHand.withLock { $0.append(hold) }
        defer { end(hold) }
        return try await Self.$current.withValue(hold) { try await body() }
    }

    /// Lets the bulk lane go on while this task's batch only waits for a dependency: that can take long, and a bulk lane
    /// that waits at the gate does not poll.
    func release() {
        if let hold = Self.current { end(hold) }
    }

    /// This task's batch goes on. A batch that was not released stays as it is.
    func retake() {
        guard let hold = Self.current else { return }
        inHand.withLock { inHand in
            guard !inHand.contains(where: { $0 === hold }) else { return }
            hold.begin()
            inHand.append(hold)
        }
    }

    private func end(_ hold: Hold) {
        inHand.withLock { $0.removeAll { $0 === hold } }
        hold.end()
    }
}
