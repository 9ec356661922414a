import CatalogFeed
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

    /// Serves the capability that a setting names.
    /// - Parameter connect: reads the settings of the message bus.
    public static func run(on connect: Connect) async -> Never {
        await run("capability-worker", "Answers the steps of one capability.", on: connect) { settings in
            // The capability whose steps the process answers. Required. Key: WINNOW_CAPABILITY.
            Capability(rawValue: try settings.required("WINNOW_CAPABILITY"))
        }
    }

    /// - Parameter connect: reads the settings of the message bus.
    public static func run(_ capability: String, on connect: Connect) async -> Never {
        await run("\(capability)-worker", "Answers steps of the capability \(capability).", on: connect) { _ in
            Capability(rawValue: capability)
        }
    }

    private static func run(
        _ name: String, _ summary: String, on connect: Connect,
        _ capability: @Sendable (inout SettingsReader) throws -> Capability
    ) async -> Never {
        await Runtime.run(name, summary) { context in
            let capability = try capability(&context.settings)
            let (logger, metrics) = (context.logger, context.metrics)
            let bus = try connect(&context.settings, logger, metrics)
            let worker = try WorkerSettings(&context.settings, capability: capability)
            let signing = try RecordSigning(&context.settings, logger: logger, metrics: metrics)
            let producer = signing.signing(try bus.producer())
            let follower = TopicFollower(signing: signing, logger: logger, open: bus.reader)
            let heartbeat = try Heartbeat(&context, service: worker.service, producer: producer, follower: follower)
            let catalog = try await CatalogFeed.live(
                follower: follower, signing: signing, logger: logger, open: bus.reader
            ) { $0.smallModel(of: capability) != nil }
            return [
                heartbeat, follower,
                try CapabilityWorker(
                    worker, context, catalog: catalog, producer: producer, follower: follower, signing: signing
                ) { lane in
                    heartbeat.governing(
                        try bus.consumer(lane, group: worker.group(lane), topics: [worker.topic(lane)]))
                },
            ]
        }
    }
}
