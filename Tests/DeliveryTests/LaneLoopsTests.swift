import Contracts
import Delivery
import Dispatch
import Glibc
import Lifecycle
import MessageBus
import MessageBusTesting
import Runtime
import Synchronization
import Telemetry
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1)))
struct LaneLoopsTests {
    private let bus = InMemoryBus(
        topics: [Topic.requests(.interactive): 1, Topic.requests(.bulk): 1, "output": 1])
    private let health = Health()
    private let shutdown = GracefulShutdown()

    private func loops(_ handling: @escaping @Sendable (Lane, LaneGate?) async -> Void) throws -> LaneLoops<LaneHandler>
    {
        try LaneLoops(
            service: "echo", producer: bus.producer(), logger: .silent, metrics: Metrics(), health: health,
            consumer: {
                bus.consumer(group: ConsumerGroup.name(of: $0.loop(of: "echo")), topics: [Topic.requests($0)])
            },
            handler: { lane, gate in LaneHandler { await handling(lane, gate) } })
    }

    private func send(_ lane: Lane) async throws {
        try await bus.producer().send([OutgoingRecord(topic: Topic.requests(lane), key: nil, value: [])])
    }

    private func run(_ loops: LaneLoops<LaneHandler>, until event: () async throws -> Void) async throws {
        async let running: Void = GracefulShutdown.$current.withValue(shutdown) { try await loops.run() }
        try await event()
        shutdown.trigger()
        try await running
    }

    @Test func `each lane is worked on in a group of its own, and says whether it is ready`() async throws {
        let order = Order()
        try await run(loops { lane, gate in order.note("\(lane), \(gate == nil ? "no" : "a") gate") }) {
            for lane in Lane.allCases {
                try await send(lane)
                await bus.waitForCommit(
                    group: lane == .bulk ? "winnow.echo.bulk" : "winnow.echo", topic: Topic.requests(lane), atLeast: 1)
            }
            #expect(health.check("delivery").isGood && health.check("delivery.bulk").isGood)
        }
        #expect(order.notes == ["interactive, no gate", "bulk, a gate"])
        #expect(!health.check("delivery").isGood && !health.check("delivery.bulk").isGood)
    }

    @Test func `a bulk batch in progress delays no interactive batch`() async throws {
        let (begun, released) = (Signal(), Signal())
        let loops = try loops { lane, _ in
            guard lane == .bulk else { return }
            begun.fire()
            await released.wait()
        }
        try await run(loops) {
            try await send(.bulk)
            await begun.wait()
            try await send(.interactive)
            await bus.waitForCommit(group: "winnow.echo", topic: Topic.requests(.interactive), atLeast: 1)
            #expect(bus.committed(group: "winnow.echo.bulk", topic: Topic.requests(.bulk)) == 0)
            released.fire()
        }
        #expect(bus.committed(group: "winnow.echo.bulk", topic: Topic.requests(.bulk)) == 1)
    }

    /// Each batch blocks its thread until a task of the cooperative pool has run. If batches blocked all threads of the
    /// pool, such a task would never run.
    @Test func `the cooperative pool runs tasks while both lanes of many loops compute`() async throws {
        let services = try (0...activeProcessors()).map { _ in try BlockedService() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services {
                group.addTask { [shutdown] in
                    try await GracefulShutdown.$current.withValue(shutdown) { try await service.loops.run() }
                }
                // A bulk batch waits for the current interactive batch, so the bulk batch must start first.
                for lane in [Lane.bulk, .interactive] {
                    try await service.send(lane)
                    await service.batch(lane).begun.wait()
                }
            }
            for service in services { for lane in Lane.allCases { service.batch(lane).release() } }
            for service in services { await service.committed() }
            shutdown.trigger()
            try await group.waitForAll()
        }
        #expect(services.allSatisfy { $0.batch(.interactive).wasReleased && $0.batch(.bulk).wasReleased })
    }

    @Test func `a bulk batch continues with its next chunk once the interactive batch is committed`() async throws {
        let (chunk, begun) = (Signal(), Signal())
        let order = Order()
        let loops = try loops { lane, gate in
            if lane == .interactive {
                order.note("interactive")
                begun.fire()
            } else {
                order.note("first chunk")
                chunk.fire()
                await begun.wait()
                await gate?.giveWay()
                order.note("second chunk")
            }
        }
        try await run(loops) {
            try await send(.bulk)
            await chunk.wait()
            try await send(.interactive)
            await bus.waitForCommit(group: "winnow.echo.bulk", topic: Topic.requests(.bulk), atLeast: 1)
        }
        #expect(order.notes == ["first chunk", "interactive", "second chunk"])
    }
}

/// Processes a batch as the test specifies.
struct LaneHandler: BatchHandler {
    let handling: @Sendable () async -> Void

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        await handling()
        return []
    }
}

/// Loops of two lanes, each with one batch that blocks its thread.
private struct BlockedService {
    private let bus = InMemoryBus(topics: [Topic.requests(.interactive): 1, Topic.requests(.bulk): 1])
    private let batches: [Lane: BlockingBatch]
    let loops: LaneLoops<LaneHandler>

    init() throws {
        let batches = Lane.allCases.reduce(into: [:]) { $0[$1] = BlockingBatch() }
        self.batches = batches
        loops = try LaneLoops(
            service: "echo", producer: bus.producer(), logger: .silent, metrics: Metrics(), health: Health(),
            consumer: { [bus] in
                bus.consumer(group: ConsumerGroup.name(of: $0.loop(of: "echo")), topics: [Topic.requests($0)])
            },
            handler: { lane, _ in LaneHandler { batches[lane]?.block() } })
    }

    func batch(_ lane: Lane) -> BlockingBatch { batches[lane] ?? BlockingBatch() }

    func send(_ lane: Lane) async throws {
        try await bus.producer().send([OutgoingRecord(topic: Topic.requests(lane), key: nil, value: [])])
    }

    func committed() async {
        for lane in Lane.allCases {
            await bus.waitForCommit(
                group: ConsumerGroup.name(of: lane.loop(of: "echo")), topic: Topic.requests(lane), atLeast: 1)
        }
    }
}

/// `@unchecked Sendable`: a semaphore may be shared between threads.
private final class BlockingBatch: @unchecked Sendable {
    let begun = Signal()
    private let semaphore = DispatchSemaphore(value: 0)
    private let released = Mutex(false)

    var wasReleased: Bool { released.withLock(\.self) }

    /// Blocks the thread until `release`. Gives up after ten seconds, so that a failing test ends.
    func block() {
        begun.fire()
        let isReleased = semaphore.wait(timeout: .now() + .seconds(10)) == .success
        released.withLock { $0 = isReleased }
    }

    func release() { semaphore.signal() }
}

private func activeProcessors() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
