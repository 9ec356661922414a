import Contracts
import Delivery
import MessageBus
import Store

/// Keeps the list of instances: workers never touch Postgres, so they tell of themselves on a topic.
///
/// - Consumes: `winnow.heartbeats.v1`
struct HeartbeatHandler: BatchHandler {
    /// The loop's name: its consumer group is `winnow.heartbeats`.
    static let service = "heartbeats"

    private let source = EventSource(service: service)
    private let register: any InstanceRegister

    init(register: any InstanceRegister) { self.register = register }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        var instances: [Instance] = []
        var unreadable: [OutgoingRecord] = []
        for record in records {
            do {
                instances.append(try Instance(decoding: try CloudEvent(record, as: EventType.heartbeat).data ?? []))
            } catch let error as ContractError {
                unreadable.append(source.deadLetter(record, error))
            }
        }
        try await register.note(instances)
        return unreadable
    }
}
