import Contracts
import MessageBus
import Store

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
