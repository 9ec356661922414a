import MessageBus
import Store

/// How the delivery loop sees an error.
enum Fault {
    /// Whether waiting may mend it: the broker or the database is away.
    static func isRetriable(_ error: any Error) -> Bool {
        switch error {
        case let error as StoreError: error.isRetriable
        case let error as MessageBusError: error.isRetriable
        default: false
        }
    }

    /// Whether the records themselves are at fault, so that others would pass. A process that ends says nothing against
    /// its records, nor does a client that cannot go on.
    static func isOfRecords(_ error: any Error) -> Bool {
        switch error {
        case is CancellationError: false
        case let error as MessageBusError: error.code == .tooLarge
        default: !isRetriable(error)
        }
    }

    /// The type and the code, for `error.type` and for dead letters; no payload.
    static func type(of error: any Error) -> String {
        switch error {
        case let error as StoreError: "StoreError.\(error.code.rawValue)"
        case let error as MessageBusError: "MessageBusError.\(error.code.rawValue)"
        default: "\(Swift.type(of: error))"
        }
    }
}
