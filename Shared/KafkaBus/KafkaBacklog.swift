import Contracts
import MessageBus
import Synchronization
import Telemetry

/// Reads what waits in front of a group: the oldest record behind each of its committed offsets.
public final class KafkaBacklog: BacklogReader {
    private let settings: KafkaSettings
    /// Made when it is first needed: most processes never ask.
    private let admin = Mutex<KafkaAdmin?>(nil)
    private let logger: Logger

    public init(settings: KafkaSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    public func oldestWaiting(in topic: String, of group: String) async throws -> Backlog {
        let admin = try admin.withLock { known in
            let admin = try known ?? KafkaAdmin(settings: settings, logger: logger)
            known = admin
            return admin
        }
        let lags = try await admin.lag(group: group, topics: [topic], withAge: true)
        var oldest = [Timestamp?](repeating: nil, count: lags.count)
        for lag in lags where oldest.indices.contains(Int(lag.partition.partition)) {
            oldest[Int(lag.partition.partition)] = lag.oldest
        }
        return Backlog(oldest: oldest)
    }
}
