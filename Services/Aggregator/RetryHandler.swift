import Contracts
import Delivery
import Lifecycle
import MessageBus
import Planning

/// Returns records to their topics when they are due.
///
/// One handler serves all services. Every record waits equally long, so the topic is ordered by due time, and nothing
/// behind a record that is not due yet is due before it.
/// - Consumes: `winnow.retries.v1`
/// - Produces: the topics that records came from
struct RetryHandler: BatchHandler {
    /// The loop's name: its consumer group is `winnow.retries`.
    static let service = "retries"

    private let source = EventSource(service: service)
    private let delay: Duration
    private let now: @Sendable () -> Timestamp

    init(delay: Duration = RetryPolicy().delay, now: @escaping @Sendable () -> Timestamp = { .now }) {
        self.delay = delay
        self.now = now
    }

    func isDue(_ records: [Record]) -> Bool { wait(for: records) == nil }

    func waitUntilDue(_ records: [Record]) async -> Bool {
        guard let wait = wait(for: records) else { return true }
        return await sleepUnlessShutDown(for: wait)
    }

    /// Limits the wait to the retry delay, in case the writer's clock was ahead.
    private func wait(for records: [Record]) -> Duration? {
        let time = now()
        guard let due = records.compactMap(Retry.dueTime).max(), due > time else { return nil }
        return min(delay, .milliseconds(due.milliseconds - time.milliseconds))
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        records.map { record in
            Retry.redelivery(record)
                ?? source.deadLetter(record, ContractError(.invalidHeader, "the record may return to no topic"))
        }
    }
}
