import Delivery
import Lifecycle
import MessageBus

extension TopicFollower {
    /// A follower of the records that a test writes.
    public static func reading(_ reader: any MessageReader) -> TopicFollower {
        TopicFollower(logger: .silent) { _ in reader }
    }

    /// Runs it until `body` has returned.
    public func whileRunning(_ body: () async throws -> Void) async throws {
        let shutdown = GracefulShutdown()
        async let running: Void = GracefulShutdown.$current.withValue(shutdown) { try await run() }
        do { try await body() } catch {
            shutdown.trigger()
            throw error
        }
        shutdown.trigger()
        try await running
    }
}
