import Contracts
import Settings

/// How this process is known among the instances.
public struct InstanceSettings: Sendable {
    /// - Default: a new one at each start. Key: `WINNOW_INSTANCE_ID`; no two processes may share one.
    public let id: Instance.ID
    /// One that is silent for three of them is taken for lost. - Default: 5 s. Key: `WINNOW_HEARTBEAT_SECONDS`.
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
