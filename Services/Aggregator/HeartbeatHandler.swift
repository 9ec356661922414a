import Contracts
import Delivery
import MessageBus
import Planning
import Signing
import Store

/// Keeps the list of instances. Workers never touch Postgres, so instances report themselves on a topic.
///
/// - Consumes: `winnow.heartbeats.v1`
struct HeartbeatHandler: BatchHandler {
    /// The loop's name. Its consumer group is `winnow.heartbeats`.
    static let service = "heartbeats"

    private let source = EventSource(service: service)
    private let register: any InstanceRegister
    private let signing: RecordSigning
    private let now: @Sendable () -> Timestamp

    init(
        register: any InstanceRegister, signing: RecordSigning = .none,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.register = register
        self.signing = signing
        self.now = now
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        var instances: [Instance] = []
        let deadLetters = source.read(records.filter(signing.accepts)) { record throws(ContractError) in
            let instance = try CloudEvent(record, as: EventType.heartbeat).body(Instance.init(decoding:))
            // An instance with a heartbeat from the future would never count as lost.
            let latest = now().adding(milliseconds: Int64(RecordSigning.window / .milliseconds(1)))
            guard instance.beatAt <= latest else { throw ContractError(.wrongType, "beatAt is in the future") }
            instances.append(instance)
        }
        try await register.note(instances)
        return deadLetters
    }
}
