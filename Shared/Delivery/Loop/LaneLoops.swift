import Contracts
import Lifecycle
import MessageBus
import Runtime
import Synchronization
import Telemetry

/// A service's delivery loops, one per lane. The interactive loop takes precedence over the bulk loop.
///
/// Each loop runs on its own thread, since a model computes for milliseconds and would block a thread of the
/// cooperative pool. The bulk loop runs on a background thread, so that the scheduler runs every other thread of the
/// machine first. The gate between the loops also keeps the bulk loop from evicting the CPU caches.
/// - Source: infra/decisions/0013-lanes.md, infra/decisions/0027-threads-for-models.md
public struct LaneLoops<Handler: BatchHandler>: Service {
    private let interactive: DeliveryLoop<Handler>
    private let bulk: DeliveryLoop<Handler>

    /// - Parameters:
    ///   - name: the name of the interactive loop's health check. The bulk loop's name is derived from it.
    ///   - gate: coordinates all loops of the process.
    ///   - inFlight: the bounds of each lane's slow records.
    ///   - health: receives, for each lane, whether its loop can make progress.
    ///   - handler: creates the handler of a lane. The bulk lane's handler receives a gate and yields at it between
    ///     chunks of model time.
    public init(
        service: String, name: String = "delivery", gate: LaneGate = LaneGate(), producer: any MessageProducer,
        logger: Logger, metrics: Metrics, health: Health, inFlight: InFlightLimits = InFlightLimits(),
        consumer: (Lane) throws -> any MessageConsumer, handler: (Lane, LaneGate?) throws -> Handler
    ) throws {
        func loop(_ lane: Lane) throws -> DeliveryLoop<Handler> {
            DeliveryLoop(
                service: lane.loop(of: service), consumer: try consumer(lane), producer: producer,
                handler: try handler(lane, lane == .bulk ? gate : nil), logger: logger, metrics: metrics,
                inFlight: inFlight, lane: lane, gate: gate, onReadiness: health.check(lane.loop(of: name)).set)
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

/// Makes the bulk lane of a process wait while the interactive lane is processing batches.
///
/// The wait ends with the batches that were in progress when it began, even if the next batch follows immediately. The
/// bulk lane therefore gets a chunk for each interactive batch and never starves.
public final class LaneGate: Sendable {
    /// Keeps the gate closed while one interactive batch is in progress.
    private final class Hold: Sendable {
        private let done = Mutex(Signal())

        func wait() async { await done.withLock(\.self).wait() }

        func end() { done.withLock { $0.fire() } }

        func begin() { done.withLock { $0 = Signal() } }
    }

    @TaskLocal private static var current: Hold?

    private let holds = Mutex<[Hold]>([])

    public init() {}

    /// Returns once the current interactive batches are done or the service shuts down. Returns immediately if there
    /// are none.
    public func giveWay() async {
        for batch in holds.withLock(\.self) { await batch.wait() }
    }

    /// Processes a batch: an interactive batch immediately, a bulk batch after the interactive batches.
    func pass<Result>(_ lane: Lane, _ body: () async throws -> Result) async rethrows -> Result {
        guard lane == .interactive else {
            await giveWay()
            return try await body()
        }
        let hold = Hold()
        holds.withLock { $0.append(hold) }
        defer { end(hold) }
        return try await Self.$current.withValue(hold) { try await body() }
    }

    /// Opens the gate for the bulk lane while this task's batch waits for a dependency. Such a wait can take long, and
    /// a bulk lane that waits at the gate does not poll.
    func release() {
        if let hold = Self.current { end(hold) }
    }

    /// Closes the gate again, for the rest of this task's batch. Does nothing if `release` was not called.
    func retake() {
        guard let hold = Self.current else { return }
        holds.withLock { holds in
            guard !holds.contains(where: { $0 === hold }) else { return }
            hold.begin()
            holds.append(hold)
        }
    }

    private func end(_ hold: Hold) {
        holds.withLock { $0.removeAll { $0 === hold } }
        hold.end()
    }
}
