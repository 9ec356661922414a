import Telemetry

/// Runs services side by side; stops them one by one in reverse order, so that what others rest on goes last.
public struct ServiceGroup: Sendable {
    private let services: [any Service]
    private let logger: Logger

    public init(services: [any Service], logger: Logger) {
        self.services = services
        self.logger = logger
    }

    /// Returns when all have stopped after `shutdown` was triggered, or when any one has ended by itself.
    /// - Throws: the first service's error; the others are stopped gracefully before.
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
                // Whoever ended, the last one still running is asked next; each end asks one more.
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

/// Something that runs until it is asked to stop.
public protocol Service: Sendable {
    /// Returns after a graceful shutdown; throws when it cannot go on.
    func run() async throws
}
