import Contracts
import Delivery
import Instances
import MessageBus
import Runtime
import Settings
import Signing
import Telemetry

/// The program of a capability worker. An executable only says which capability it answers, and on which message bus.
///
/// - Consumes: `winnow.steps.<capability>.v1` of both lanes, `winnow.cancellations.v1`, `winnow.certificates.v1`
/// - Produces: `winnow.shadows.v1`; in the same lane `winnow.outcomes.v1`; `winnow.escalations.v1` for steps with items
///   that its model is not sure of
public enum CapabilityWorkerApp {
    public typealias Connect = @Sendable (inout SettingsReader, Logger, Metrics) throws -> any MessageBusClients

    /// - Parameter connect: reads the settings of the message bus.
    public static func run(_ capability: Capability, on connect: Connect) async -> Never {
        await Runtime.run("\(capability)-worker", "Answers steps of the capability \(capability).") { context in
            let (logger, metrics) = (context.logger, context.metrics)
            let bus = try connect(&context.settings, logger, metrics)
            let worker = try WorkerSettings(&context.settings, capability: capability)
            let signing = try RecordSigning(&context.settings, logger: logger, metrics: metrics)
            let producer = signing.signing(try bus.producer())
            let follower = TopicFollower(signing: signing, logger: logger, open: bus.reader)
            let heartbeat = try Heartbeat(&context, service: worker.service, producer: producer, follower: follower)
            return [
                heartbeat, follower,
                try CapabilityWorker(worker, context, producer: producer, follower: follower, signing: signing) {
                    lane in
                    heartbeat.governing(
                        try bus.consumer(lane, group: worker.group(lane), topics: [worker.topic(lane)]))
                },
            ]
        }
    }
}
