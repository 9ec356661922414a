import Contracts
import Glibc
import MessageBus
import Telemetry

/// Processes the records of a batch and returns the records to emit.
///
/// A handler must be idempotent, since the same records are delivered again after a crash.
public protocol BatchHandler: Sendable {
    /// Returns once the handler's dependencies answer. By default there are none.
    /// - Throws: a retriable error while a dependency is unavailable.
    func prepare() async throws

    /// Whether the records may be handled now. By default they may.
    func isDue(_ records: [Record]) async -> Bool

    /// Returns once the records may be handled. Called only if `isDue` returned `false`. The wait has no time limit:
    /// the consumer stays in its group with its partitions paused.
    /// - Returns: `false` if the service is shutting down. Nothing is committed in this case.
    func waitUntilDue(_ records: [Record]) async -> Bool

    /// - Returns: the records that the resulting state requires. A repetition returns the same ids.
    /// - Throws: an error of a dependency, for which the loop waits, or of the records, which may be temporary or
    ///   permanent (`infra/decisions/0009-three-kinds-of-faults.md`).
    func handle(_ records: [Record]) async throws -> [OutgoingRecord]

    /// Whether handling this record may take long, for instance because a model behind HTTP is asked. The loop then
    /// handles it by itself, beside others, and polls on meanwhile. By default no record does. The order of slow
    /// records with the same key is not kept: two of them may be handled at once. A record that has no offset, because
    /// it waited in Postgres, is never slow.
    func isSlow(_ record: Record) -> Bool

    /// Handles one slow record. Several are handled at once. The task is cancelled when the record's partition is
    /// revoked for longer than the bound, or when the process stops. It must then end soon. Its records are not
    /// emitted, and the record is delivered again. By default the same as `handle` for a batch of one.
    func handleSlow(_ record: Record) async throws -> [OutgoingRecord]
}

extension BatchHandler {
    public func prepare() async throws {}

    public func isDue(_ records: [Record]) async -> Bool { true }

    public func waitUntilDue(_ records: [Record]) async -> Bool { true }

    public func isSlow(_ record: Record) -> Bool { false }

    public func handleSlow(_ record: Record) async throws -> [OutgoingRecord] { try await handle([record]) }
}

/// How the delivery loop classifies an error (`infra/decisions/0009-three-kinds-of-faults.md`).
enum Fault: Sendable {
    /// The broker or the database is unavailable. The loop waits; the records are not at fault.
    case dependency
    /// Caused by these records, but a retry may succeed. Examples are a conflict with another
    /// transaction, and a model that has no memory.
    case temporary
    /// Caused by these records, and a retry cannot succeed. Other records may succeed.
    case permanent
    /// Not caused by the records, and a retry cannot succeed: the process is ending, or the Kafka client cannot
    /// continue. The loop ends with the error.
    case fatal

    init(_ error: any Error) {
        self =
            switch error {
            case is CancellationError: .fatal
            case let error as any RetriableError where error.isRetriable:
                error.isDependencyUnavailable ? .dependency : .temporary
            case let error as MessageBusError: error.code == .tooLarge ? .permanent : .fatal
            default: .permanent
            }
    }

    /// Whether the records caused the error.
    var isOfRecords: Bool { self == .temporary || self == .permanent }

    /// Whether every record needs the unavailable dependency: the broker or the database, but not the server of one
    /// model.
    static func isShared(_ error: any Error) -> Bool { (error as? any RetriableError)?.isDependencyShared ?? true }

    /// The error's type and code, for `error.type` and for dead letters. Contains no payload.
    static func type(of error: any Error) -> String { DeadLetter.reason(of: error) }
}

/// A point of the delivery loop, or of a chore of the keeper, at which a chaos test lets the process crash. Exists in
/// debug builds only.
///
/// The file `SERVICE.POINT` in the directory `WINNOW_FAULT_DIRECTORY` arms a point. For a chore, the service is
/// `keeper.CHORE`. The process that reaches the point removes the file and kills itself
/// with SIGKILL, so that each file causes one crash.
public enum FaultPoint: String, CaseIterable, Sendable {
    /// A batch was polled and nothing else was done.
    case beforeApply = "before-apply"
    /// The transaction is committed and nothing was emitted.
    case afterCommit = "after-commit"
    /// The emitted records are acknowledged.
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
