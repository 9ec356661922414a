import Contracts
import Delivery
import Lifecycle
import MessageBus
import Planning

/// Gives records back to their topics once they are due.
///
/// One for all services: the topic is in the order of what is due, so the first record that is not due yet holds up no
/// other for longer than its own wait.
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

    /// No record waits for longer than the delay, whatever the clock of its writer said.
    private func wait(for records: [Record]) -> Duration? {
        let time = now()
        guard let due = records.compactMap(Retry.dueTime).max(), due > time else { return nil }
        return min(delay, .milliseconds(due.milliseconds - time.milliseconds))
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        records.map { record in
            Retry.redelivery(record)
                ?? source.deadLetter(record, ContractError(.invalidHeader, "no topic that a record may go back to"))
        }
    }
}
