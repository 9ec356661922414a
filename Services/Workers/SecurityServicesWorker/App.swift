import Contracts
import Delivery
import KafkaBus
import Runtime
import WorkerKit

/// Security services: attacks in HTTP parameters, and prompts that attack a language model.
///
/// - Consumes: `winnow.steps.security-services.v1`, `winnow.cancellations.v1`
/// - Produces: `winnow.outcomes.v1`; `winnow.escalations.v1` for steps with items that its model is not sure of
@main enum App {
    static func main() async {
        await Runtime.run("security-services-worker") { context in
            let kafka = try KafkaSettings(from: &context.settings)
            let worker = WorkerSettings(&context.settings, capability: .securityServices)
            let cancellations = CancellationTail(logger: context.logger) {
                [logger = context.logger, metrics = context.metrics] in
                try await KafkaReader(
                    settings: kafka.unhurried, topic: Topic.cancellations, from: .beginning, logger: logger,
                    metrics: metrics)
            }
            return [
                cancellations,
                try CapabilityWorker(
                    worker, context,
                    consumer: KafkaConsumer(
                        settings: kafka, group: worker.group, topics: [worker.topic], logger: context.logger,
                        metrics: context.metrics),
                    producer: KafkaProducer(settings: kafka, logger: context.logger, metrics: context.metrics),
                    cancellations: cancellations),
            ]
        }
    }
}
