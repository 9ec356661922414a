import Telemetry

/// Runs services concurrently, and stops them one by one in reverse order, so that dependencies stop last.
public struct ServiceGroup: Sendable {
    private let services: [any Service]
    private let logger: Logger

    public init(services: [any Service], logger: Logger) {
        self.services = services
        self.logger = logger
    }

    /// Returns when all services have stopped after `shutdown` was triggered or one of them has ended by itself.
    /// - Throws: the first service's error, after the others have stopped gracefully.
    public func run(until shutdown: GracefulShutdown) async throws {
        let shutdowns = services.map { _ in GracefulShutdown() }
        try await withThrowingTaskGroup(of: Ended.self) { group in
            for (index, service) in services.enumerated() {
                let own = shutdowns[index]
                group.addTask {
                    await GracefulShutdown.$current.withValue(own) {
                        do {
                            try await service.run()
                            return .service(index, nil)
                        } catch {
                            return .service(index, error)
                        }
                    }
                }
            }
            group.addTask {
                await GracefulShutdown.$current.withValue(shutdown) { await gracefulShutdown() }
                return .signal
            }
            var running = Set(services.indices)
            var fault: (any Error)?
            while !running.isEmpty, let ended = await group.nextResult() {
                if case .success(.service(let index, let error)) = ended {
                    running.remove(index)
                    if let error {
                        fault = fault ?? error
                        logger.error("Service ended with a fault", metadata: [LogKeys.errorMessage: "\(error)"])
                    }
                }
                // Whenever a service has ended, the last one that still runs is asked to stop.
                if let last = running.max() { shutdowns[last].trigger() }
            }
            group.cancelAll()
            if let fault { throw fault }
        }
    }

    private enum Ended: Sendable {
        case service(Int, (any Error)?)
        case signal
    }
}

/// A component that runs until it is asked to stop.
public protocol Service: Sendable {
    /// Returns after a graceful shutdown. Throws if it cannot continue.
    func run() async throws
}
