import Contracts
import Glibc
import MessageBus
import Planning
import Runtime
import Settings

/// The fields that are the same in every heartbeat.
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
            id: id, service: service, host: host, processID: Int(getpid()), version: Build.version, state: state,
            partitions: partitions, startedAt: startedAt, beatAt: time,
            processorTime: Int(ProcessorTime.seconds * 1000), beatInterval: Int(interval / .milliseconds(1)))
        let event = CloudEvent(
            id: "\(id)/\(time.milliseconds)/\(state.rawValue)", type: EventType.heartbeat, source: "/winnow/\(service)",
            time: time, data: instance.encode())
        return event.record(topic: Topic.heartbeats, key: Array(id.description.utf8))
    }
}

/// How this process is identified among the instances.
public struct InstanceSettings: Sendable {
    /// - Default: a new id at each start. Key: `WINNOW_INSTANCE_ID`; two processes may not share one.
    public let id: Instance.ID
    /// The heartbeat interval. After three missed heartbeats an instance counts as lost. - Default: 5 s. Key:
    /// `WINNOW_HEARTBEAT_SECONDS`.
    public let interval: Duration

    public init(id: Instance.ID, interval: Duration) {
        self.id = id
        self.interval = interval
    }

    public init(_ reader: inout SettingsReader) throws(SettingsError) {
        var generator = SystemRandomNumberGenerator()
        let text = reader.string("WINNOW_INSTANCE_ID", default: Instance.ID(using: &generator).description)
        guard let id = Instance.ID(text) else {
            throw SettingsError("WINNOW_INSTANCE_ID", "must be 1 to 128 letters, digits, '.', '-', '_' or ':'")
        }
        self.id = id
        interval = .seconds(try reader.integer("WINNOW_HEARTBEAT_SECONDS", default: 5, in: 1...3600))
    }
}
