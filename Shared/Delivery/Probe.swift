import Lifecycle

/// Checks periodically whether a dependency answers, so that an idle service also reports when it cannot work.
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
                // The cause is logged by the code that needs the dependency. The probe only reports that it is
                // unavailable.
                onReadiness(false)
            }
        } while await sleepUnlessShutDown(for: interval)
    }
}
