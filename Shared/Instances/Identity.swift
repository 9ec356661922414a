import Contracts
import Delivery
import Glibc
import MessageBus
import Runtime

/// What stays the same from beat to beat.
struct Identity: Sendable {
    let id: Instance.ID
    private let service: String
    private let host: String
    private let startedAt: Timestamp
    private let interval: Duration

    init(_ settings: InstanceSettings, service: String, startedAt: Timestamp) {
        id = settings.id
        interval = settings.interval
        self.service = service
        self.startedAt = startedAt
        var name = [CChar](repeating: 0, count: 256)
        let isNamed = gethostname(&name, name.count - 1) == 0
        host = isNamed ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
    }

    func record(_ state: Instance.State, partitions: Int, at time: Timestamp) -> OutgoingRecord {
        let instance = Instance(
            id: id, service: service, host: host, processID: Int(getpid()), version: Release.version, state: state,
            partitions: partitions, startedAt: startedAt, beatAt: time,
            processorTime: Int(ProcessorTime.seconds * 1000), beatInterval: Int(interval / .milliseconds(1)))
        let event = CloudEvent(
            id: "\(id)/\(time.milliseconds)/\(state.rawValue)", type: EventType.heartbeat, source: "/winnow/\(service)",
            time: time, data: instance.encode())
        return event.record(topic: Topic.heartbeats, key: Array(id.description.utf8))
    }
}
