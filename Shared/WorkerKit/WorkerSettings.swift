import Contracts
import Delivery
import Settings

/// What a capability worker is told.
public struct WorkerSettings: Sendable {
    public let capability: Capability
    public let service: String
    public let model: String
    public let fullModel: String
    /// The share of answered items that the full model is asked about, too.
    /// - Default: 0.01. Key: `WINNOW_SHADOW_RATE`. 0 draws none, and then no drift is noticed.
    public let shadowRate: Double

    /// - Throws: `SettingsError`
    public init(_ reader: inout SettingsReader, capability: Capability) throws(SettingsError) {
        let models = ModelSettings(&reader)
        self.capability = capability
        service = "\(capability)-worker"
        model = models.model(of: capability)
        fullModel = models.fullModel
        shadowRate = try reader.number("WINNOW_SHADOW_RATE", default: 0.01, in: 0...1)
    }

    public func topic(_ lane: Lane) -> String { Topic.steps(capability, lane) }

    public func group(_ lane: Lane) -> String { ConsumerGroup.name(of: lane.loop(of: service)) }
}
