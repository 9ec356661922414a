import Contracts
import Lifecycle
import MessageBus
import Runtime
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
