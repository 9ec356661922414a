import Contracts
import Delivery
import KafkaBus
import MessageBus

/// Keeps requests that are sent without waiting for results below what the embedded broker keeps: it drops what is over
/// 5 MiB a partition, whether it was read or not. A cluster with retention by time needs no waiting.
struct BrokerRoom: Sendable {
    /// Less than a partition keeps, so that a chunk is safe even if it goes into one. - Units: bytes.
    static let chunkBytes = 4 << 20

    /// Records wait, and the decomposer has taken none for so long: it does not run.
    private static let longestWait = Duration.seconds(60)

    private let admin: KafkaAdmin

    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session) throws { admin = try KafkaAdmin(settings: try session.kafka(), logger: session.logger) }

    /// Returns once the decomposer has read the lane's topic.
    /// - Throws: `MessageBusError.timedOut` when it does not read.
    func wait(_ lane: Lane) async throws {
        guard try await admin.isEmbedded() else { return }
        let group = ConsumerGroup.name(of: lane.loop(of: "decomposer"))
        var last = Int64.max
        var deadline = ContinuousClock.now + Self.longestWait
        while true {
            let waiting = try await admin.lag(group: group, topics: [Topic.requests(lane)])
                .reduce(0) { $0 + $1.count }
            guard waiting > 0 else { return }
            if waiting < last { deadline = .now + Self.longestWait }
            last = waiting
            guard ContinuousClock.now < deadline else {
                throw MessageBusError(
                    .timedOut, "the decomposer does not read, and the embedded broker keeps no more", isRetriable: true)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
