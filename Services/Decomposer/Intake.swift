import Contracts
import Delivery
import Lifecycle
import MessageBus
import Store
import Telemetry

/// Writes submissions that wait in Postgres to the topic, no more than it can hold; tenants take turns, and
/// bulk requests come after the others.
///
/// - Produces: `winnow.requests.v1` of both lanes
struct Intake: Service {
    private let queue: any SubmissionQueue
    private let producer: any MessageProducer
    private let settings: IntakeSettings
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    init(
        queue: any SubmissionQueue, producer: any MessageProducer, settings: IntakeSettings, logger: Logger,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.queue = queue
        self.producer = producer
        self.settings = settings
        self.logger = logger
        self.now = now
    }

    func run() async throws {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        var wait = settings.interval
        while await sleepUnlessShutDown(for: wait) {
            do {
                while try await pass(.interactive) == settings.limit {}
                _ = try await pass(.bulk)
                (wait, backoff) = (settings.interval, Backoff())
            } catch {
                // What was marked as sent and was not comes again.
                logger.warning("Intake waits", metadata: [LogKeys.errorMessage: "\(error)"])
                wait = backoff.next(using: &generator)
            }
        }
    }

    /// - Returns: how many of the lane were sent.
    func pass(_ lane: Lane = .interactive) async throws -> Int {
        let time = now()
        let submissions = try await queue.next(
            SubmissionTurn(
                lane: lane, now: time, resendBefore: time.adding(milliseconds: -settings.resendAfterMilliseconds),
                limit: settings.limit, window: lane == .bulk ? settings.bulkWindow : settings.window))
        guard !submissions.isEmpty else { return 0 }
        try await producer.send(submissions.map(RequestRecord.record))
        return submissions.count
    }
}
