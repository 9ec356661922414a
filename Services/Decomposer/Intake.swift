import Contracts
import Delivery
import Lifecycle
import MessageBus
import Store
import Telemetry

/// Writes submissions that wait in Postgres to the topic, no more than it can hold; tenants take turns.
///
/// - Produces: `winnow.requests.v1`
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
                while try await pass() == settings.limit {}
                (wait, backoff) = (settings.interval, Backoff())
            } catch {
                // What was marked as sent and was not comes again.
                logger.warning("Intake waits", metadata: [LogKeys.errorMessage: "\(error)"])
                wait = backoff.next(using: &generator)
            }
        }
    }

    /// - Returns: how many were sent.
    func pass() async throws -> Int {
        let time = now()
        let submissions = try await queue.next(
            SubmissionTurn(
                now: time, resendBefore: time.adding(milliseconds: -settings.resendAfterMilliseconds),
                limit: settings.limit, window: settings.window))
        guard !submissions.isEmpty else { return 0 }
        try await producer.send(submissions.map(RequestRecord.record))
        return submissions.count
    }
}
