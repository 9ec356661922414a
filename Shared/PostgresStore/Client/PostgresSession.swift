import Glibc
import Lifecycle
import Store
import Synchronization

/// A connection with its own thread, reopened after it is lost.
public final class PostgresSession: Sendable {
    private let settings: PostgresSettings
    private let thread = ThreadExecutor()
    private let state = Mutex(State())

    private struct State {
        var connection: PostgresConnection?
        /// Failed connection attempts since the last success.
        var failures = 0
    }

    /// How often a transaction is run if it conflicts with others. After a lock timeout it is not run again here:
    /// several such waits would block a partition for too long.
    private static let conflictTries = 5

    public init(_ settings: PostgresSettings) { self.settings = settings }

    deinit { thread.stop() }

    /// Runs `body` on the session's thread, one call at a time. Runs it again after a conflict or if the connection was
    /// lost while it was idle, so `body` must be one transaction that can be repeated.
    /// - Throws: `StoreError`, retriable while the server is unavailable, or the error that `body` throws. The
    ///   transaction is rolled back.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> Result
    ) async throws -> Result {
        try await thread.run { [self] in
            var tries = 0
            while true {
                let (connection, isNew) = try connect()
                do {
                    return try body(connection)
                } catch {
                    tries += 1
                    let isUsable = recover(connection, from: error)
                    guard let fault = error as? StoreError, fault.isRetriable else { throw error }
                    switch fault.code {
                    case .conflict where tries < Self.conflictTries && !fault.hasWaited: pause(milliseconds: 5 << tries)
                    case .unavailable where !isUsable && !isNew && tries == 1: continue
                    default: throw error
                    }
                }
            }
        }
    }

    /// Rolls back an open transaction.
    /// - Returns: whether the connection can be used again. Otherwise it is closed.
    private func recover(_ connection: PostgresConnection, from error: any Error) -> Bool {
        let fault = (error as? StoreError)?.underlying as? PostgresFault
        if connection.isUsable, fault?.endsConnection != true {
            if connection.isIdle { return true }
            if (try? connection.run(script: "ROLLBACK", name: "rollback")) != nil, connection.isIdle { return true }
        }
        state.withLock { $0.connection = nil }
        return false
    }

    private func connect() throws -> (PostgresConnection, isNew: Bool) {
        let (known, failures) = state.withLock { ($0.connection, $0.failures) }
        if let known { return (known, false) }
        // The first attempt is made immediately. Before each later attempt, the thread waits for at most about 5 s.
        if failures > 0 { pause(milliseconds: min(100 << min(failures, 6), 5000)) }
        do {
            let connection = try PostgresConnection(settings)
            state.withLock { $0 = State(connection: connection) }
            return (connection, true)
        } catch {
            state.withLock { $0.failures += 1 }
            throw error
        }
    }

    /// Waits for a random time from half to all of `milliseconds`, so that instances do not all reconnect at the same
    /// time.
    private func pause(milliseconds: Int) {
        usleep(UInt32(Int.random(in: milliseconds / 2...milliseconds) * 1000))
    }
}
