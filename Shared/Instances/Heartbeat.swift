import Contracts
import Delivery
import Lifecycle
import MessageBus
import Planning
import Runtime
import Settings
import Synchronization
import Telemetry

/// Represents this process in the list of instances. It sends heartbeats, and hands over its work when an operator
/// drains it.
///
/// It must be the first service that `Runtime.run` is given. Services stop in reverse order, so it stops last and
/// reports `stopped` when no work is left.
/// - Consumes: `winnow.controls.v1` from the start of the process on, without a group
/// - Produces: `winnow.heartbeats.v1`
public final class Heartbeat: Service {
    private struct State {
        var isDraining = false
        var isSilent = false
        var consumers: [any MessageConsumer] = []
    }

    private let identity: Identity
    private let producer: any MessageProducer
    private let health: Health
    private let logger: Logger
    private let caughtUp = Signal()
    private let timer: HeartbeatTimer
    private let state = Mutex(State())
    private let now: @Sendable () -> Timestamp

    /// How long a heartbeat may take to send. It is then given up, because the next one has newer data.
    private static let sendTimeout = Duration.seconds(2)

    /// - Parameter follower: reads the commands of operators that are written from now on.
    public init(
        _ settings: InstanceSettings, service: String, producer: any MessageProducer, follower: TopicFollower,
        health: Health,
        logger: Logger, now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        let startedAt = now()
        identity = Identity(settings, service: service, startedAt: startedAt)
        self.producer = producer
        self.health = health
        self.logger = logger
        self.now = now
        timer = HeartbeatTimer(interval: settings.interval)
        follower.follow(Topic.controls, from: .time(startedAt), caughtUp) { [weak self] in self?.apply($0) }
    }

    public convenience init(
        _ context: inout RuntimeContext, service: String, producer: any MessageProducer, follower: TopicFollower
    ) throws(SettingsError) {
        self.init(
            try InstanceSettings(&context.settings), service: service, producer: producer, follower: follower,
            health: context.health, logger: context.logger)
    }

    /// Registers a consumer, which then leaves its group when an operator drains this process and rejoins it when the
    /// operator resumes the process.
    /// - Returns: the same consumer.
    public func governing(_ consumer: any MessageConsumer) -> any MessageConsumer {
        state.withLock { $0.consumers.append(consumer) }
        return consumer
    }

    public func run() async throws {
        // An operator may send a command as soon as the instance is listed, so it must read commands before that.
        await caughtUp.wait()
        await timer.run { await beat(state.withLock(\.isDraining) ? .draining : .running) }
        await beat(.stopped)
    }

    /// Drains or resumes this process. If several commands arrive together, the last one counts.
    private func apply(_ records: [Record]) {
        let wanted = records.compactMap { record in
            (try? CloudEvent(record, as: EventType.control))?.data.flatMap { try? Control(decoding: $0) }
        }
        guard let action = wanted.last(where: { $0.instance == identity.id })?.action else { return }
        let isDraining = action == .drain
        let consumers = state.withLock { state in
            guard state.isDraining != isDraining else { return nil as [any MessageConsumer]? }
            state.isDraining = isDraining
            return state.consumers
        }
        guard let consumers else { return }
        logger.notice(isDraining ? "Draining" : "Resumed")
        health.setDrained(isDraining)
        for consumer in consumers {
            if isDraining { consumer.leave { [timer] in timer.makeDue() } } else { consumer.rejoin() }
        }
        timer.makeDue()
    }

    private func beat(_ current: Instance.State) async {
        let partitions = state.withLock(\.consumers).reduce(0) { $0 + $1.partitionCount }
        let record = identity.record(current, partitions: partitions, at: now())
        do {
            try await withThrowingTaskGroup(of: Void.self) { [producer] group in
                group.addTask { try await producer.send([record]) }
                group.addTask {
                    try await Task.sleep(for: Self.sendTimeout)
                    throw MessageBusError(.timedOut, "write a heartbeat", isRetriable: true)
                }
                defer { group.cancelAll() }
                try await group.next()
            }
            state.withLock { $0.isSilent = false }
        } catch {
            // The process continues to work, although `winnow instances` shows it as lost. Warns once, not at every
            // beat.
            let wasSilent = state.withLock { state in
                defer { state.isSilent = true }
                return state.isSilent
            }
            if !wasSilent { logger.warning("Heartbeat cannot be sent", metadata: [LogKeys.errorMessage: "\(error)"]) }
        }
    }
}

/// Schedules the heartbeats: at once, at each interval, and after every change.
struct HeartbeatTimer: Sendable {
    private let interval: Duration
    private let due = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(interval: Duration) { self.interval = interval }

    /// Makes the next heartbeat due now. Called when the state or the partitions have changed.
    func makeDue() { due.continuation.yield() }

    /// Returns after a stop was requested.
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
