import Lifecycle
import Telemetry

/// Makes the partitions of the coming days, drops those past retention, and folds the ledger's sums: at start, then every
/// hour.
struct PartitionKeeper: Service {
    private let logger: Logger
    private let interval: Duration
    private let maintain: @Sendable () async throws -> Void

    init(logger: Logger, interval: Duration = .seconds(3600), maintain: @escaping @Sendable () async throws -> Void) {
        self.logger = logger
        self.interval = interval
        self.maintain = maintain
    }

    func run() async throws {
        repeat {
            do {
                try await maintain()
            } catch {
                // Rows for which no partition was made go to the default one: nothing is refused.
                logger.warning("Partitions not maintained", metadata: [LogKeys.errorMessage: "\(error)"])
            }
        } while await sleepUnlessShutDown(for: interval)
    }
}
