import Contracts
import Delivery
import Lifecycle
import MessageBus
import Planning
import Store
import Synchronization
import Telemetry

/// Reads the requests of a lane that wait in Postgres, as a consumer. A batch holds the requests that are next, and a
/// commit deletes them.
///
/// These requests do not return to the topic, where they would wait behind newer ones.
final class Intake: MessageConsumer {
    private struct State {
        var isStopped = false
        var isAway = false
        var gone: (@Sendable () -> Void)?
    }

    private let queue: any SubmissionQueue
    private let lane: Lane
    private let settings: IntakeSettings
    private let logger: Logger
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())

    init(
        queue: any SubmissionQueue, lane: Lane = .interactive, settings: IntakeSettings, logger: Logger,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.queue = queue
        self.lane = lane
        self.settings = settings
        self.logger = logger
        self.now = now
    }

    /// Always 0. The requests are not divided among instances: whichever asks first gets the next ones.
    var partitionCount: Int { 0 }

    func connect() async throws {}

    func nextBatch() async throws -> [Record]? {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var wait = Duration.zero
        var emptyPolls = 0
        repeat {
            guard let isAway = depart() else { return nil }
            wait = settings.interval(lane, afterEmptyPolls: emptyPolls)
            guard !isAway else { continue }
            do {
                let submissions = try await queue.next(settings.turn(lane, at: now()))
                guard submissions.isEmpty else { return submissions.map(RequestRecord.waiting) }
                emptyPolls += 1
            } catch {
                // Requests that were marked as taken are taken again later.
                logger.warning("Waiting requests cannot be read", metadata: [LogKeys.errorMessage: "\(error)"])
                wait = backoff.next(using: &generator)
            }
        } while await sleepUnlessShutDown(for: wait)
        return nil
    }

    func commit(_ records: [Record]) async throws { try await queue.forget(records.compactMap(RequestRecord.key(of:))) }

    /// Nothing to do: requests in Postgres have no offsets, so none of them is ever in flight.
    func commit(_ positions: [CommitPosition]) async throws {}

    /// Nothing to do: the intake never fetches ahead.
    func pause() async {}

    func resume() async {}

    func leave(_ gone: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.isAway = true
            state.gone = gone
        }
    }

    func rejoin() { state.withLock { $0.isAway = false } }

    func stop() { state.withLock { $0.isStopped = true } }

    func close() async {}

    /// Called between two batches. Tells the caller of `leave`, if there is one, that no batch is in progress.
    /// - Returns: whether the intake was asked to leave and not to rejoin; `nil` if it was stopped.
    private func depart() -> Bool? {
        let (isStopped, isAway, gone) = state.withLock { state in
            defer { state.gone = nil }
            return (state.isStopped, state.isAway, state.gone)
        }
        gone?()
        return isStopped ? nil : isAway
    }
}
