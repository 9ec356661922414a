import Contracts
import Glibc
import MessageBus
import Store
import Telemetry

/// What a service does with the records of a batch: apply them, and say what is to be emitted.
///
/// It must be idempotent: after a crash the same records come again.
public protocol BatchHandler: Sendable {
    /// Returns once what the handler depends on answers; by default it depends on nothing.
    /// - Throws: a retriable fault while it does not.
    func prepare() async throws

    /// Whether the records may be handled now; by default they may.
    func isDue(_ records: [Record]) async -> Bool

    /// Returns once the records may be handled. Called only after `isDue` said that they may not, while the consumer stays
    /// in its group with its partitions paused: the wait may take as long as it likes.
    /// - Returns: `false` when a stop came first; nothing is committed then.
    func waitUntilDue(_ records: [Record]) async -> Bool

    /// - Returns: what the resulting state calls for, under ids that a repetition gives again.
    /// - Throws: a fault: of a dependency, which is waited for; of the records, which may pass or not
    ///   (`infra/decisions/0009-three-kinds-of-faults.md`).
    func handle(_ records: [Record]) async throws -> [OutgoingRecord]
}

extension BatchHandler {
    public func prepare() async throws {}

    public func isDue(_ records: [Record]) async -> Bool { true }

    public func waitUntilDue(_ records: [Record]) async -> Bool { true }
}

/// How the delivery loop sees an error (`infra/decisions/0009-three-kinds-of-faults.md`).
enum Fault: Sendable {
    /// The broker or the database is away: to be waited for, and nothing against the records.
    case dependency
    /// Of these records, and another try may mend it: they lost to another transaction, or a model had no memory.
    case passing
    /// Of these records, for ever, so that others would pass.
    case permanent
    /// Nothing against the records, and nothing to wait for: a process that ends, a client that cannot go on.
    case fatal

    init(_ error: any Error) {
        self =
            switch error {
            case is CancellationError: .fatal
            case let error as StoreError where error.isRetriable: error.code == .conflict ? .passing : .dependency
            case let error as MessageBusError where error.isRetriable: .dependency
            case let error as MessageBusError: error.code == .tooLarge ? .permanent : .fatal
            case let error as any RetriableError where error.isRetriable: .passing
            default: .permanent
            }
    }

    /// Whether the records themselves are at fault.
    var isOfRecords: Bool { self == .passing || self == .permanent }

    /// The type and the code, for `error.type` and for dead letters; no payload.
    static func type(of error: any Error) -> String { DeadLetter.reason(of: error) }
}

/// Where a chaos run ends a process inside its delivery loop, or inside a chore of the keeper. Debug builds only.
///
/// A point is armed by a file `SERVICE.POINT` in the folder that `WINNOW_FAULT_DIRECTORY` names, where a chore's service is
/// `keeper.CHORE`; the process that reaches it removes the file and dies as by SIGKILL, so that a file is one fault.
public enum FaultPoint: String, CaseIterable, Sendable {
    /// A batch was polled, nothing is done.
    case beforeApply = "before-apply"
    /// The transaction is committed, nothing is emitted.
    case afterCommit = "after-commit"
    /// What the state calls for is acknowledged.
    case afterEmit = "after-emit"
    /// The next call would commit the offsets.
    case beforeOffsetCommit = "before-offset-commit"

    public func reached(by service: String) {
        #if DEBUG
            guard let directory = Self.directory, unlink("\(directory)/\(service).\(rawValue)") == 0 else { return }
            kill(getpid(), SIGKILL)
        #endif
    }

    #if DEBUG
        private static let directory = getenv("WINNOW_FAULT_DIRECTORY").map { String(cString: $0) }
    #endif
}

/// What a delivery loop counts.
struct DeliveryMetrics: Sendable {
    let consumed: Counter
    let emitted: Counter
    let faults: Counter
    let retries: Counter
    let putOff: Counter
    let duration: Histogram
    private let metrics: Metrics

    init(_ metrics: Metrics) {
        self.metrics = metrics
        consumed = metrics.counter("winnow_messaging_consumed_messages_total", "Records applied and committed.")
        emitted = metrics.counter("winnow_messaging_sent_messages_total", "Records emitted and acknowledged.")
        faults = metrics.counter("winnow_messaging_faults_total", "Batches that could not be applied as they were.")
        retries = metrics.counter("winnow_messaging_retries_total", "Repetitions after a fault that may pass.")
        putOff = metrics.counter(
            "winnow_messaging_put_off_messages_total", "Records written to the retries, to come again later.")
        duration = metrics.histogram(
            "winnow_messaging_process_duration_seconds", "Apply, emit and commit of one batch.")
    }

    /// A topic that is none of Winnow's, which only a forged record names, is counted as `other`.
    func deadLettered(_ letter: DeadLetter.Summary) {
        metrics.counter(
            "winnow_dead_letters_total", "Records written to the dead letters, by the topic that they came from.",
            [("reason", letter.reason), ("topic", Topic.label(letter.topic))]
        ).increment()
    }

    func processed(_ records: Int, emitted count: Int, took time: Duration) {
        consumed.increment(by: records)
        emitted.increment(by: count)
        duration.observe(time)
    }
}
