import Contracts
import Delivery
import Settings

/// What a capability worker is told.
public struct WorkerSettings: Sendable {
    public let capability: Capability
    public let service: String
    public let model: String
    public let fullModel: String

    public init(_ reader: inout SettingsReader, capability: Capability) {
        let models = ModelSettings(&reader)
        self.capability = capability
        service = "\(capability)-worker"
        model = models.model(of: capability)
        fullModel = models.fullModel
    }

    public func topic(_ lane: Lane) -> String { Topic.steps(capability, lane) }

    public func group(_ lane: Lane) -> String { ConsumerGroup.name(of: lane.loop(of: service)) }
}
