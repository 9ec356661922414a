import Lifecycle

/// Asks a dependency again and again whether it answers, so that an idle service too says when it could not work.
public struct Probe: Service {
    private let interval: Duration
    private let onReadiness: @Sendable (Bool) -> Void
    private let check: @Sendable () async throws -> Void

    public init(
        interval: Duration = .seconds(2), onReadiness: @escaping @Sendable (Bool) -> Void,
        check: @escaping @Sendable () async throws -> Void
    ) {
        self.interval = interval
        self.onReadiness = onReadiness
        self.check = check
    }

    public func run() async throws {
        repeat {
            do {
                try await check()
                onReadiness(true)
            } catch {
                // Whoever needs it for a record says why; here only that it is away.
                onReadiness(false)
            }
        } while await sleepUnlessShutDown(for: interval)
    }
}
