import Contracts
import Delivery
import Instances
import KafkaBus
import Runtime
import Signing
import WorkerKit

/// Semantic understanding: finds the intent of an utterance, or that it is out of scope.
///
/// - Consumes: `winnow.steps.semantic-understanding.v1` of both lanes, `winnow.cancellations.v1`,
///   `winnow.certificates.v1`
/// - Produces: `winnow.shadows.v1`; in the same lane `winnow.outcomes.v1`; `winnow.escalations.v1` for steps with items
///   that its model is not sure of
@main enum App {
    static func main() async {
        await Runtime.run("semantic-understanding-worker", "Answers steps of the capability semantic-understanding.") {
            context in
            let kafka = try KafkaSettings(from: &context.settings)
            let worker = try WorkerSettings(&context.settings, capability: .semanticUnderstanding)
            let (logger, metrics) = (context.logger, context.metrics)
            let signing = try RecordSigning(&context.settings, logger: logger, metrics: metrics)
            let producer = signing.signing(try KafkaProducer(settings: kafka, logger: logger, metrics: metrics))
            let follower = TopicFollower(
                signing: signing, logger: logger,
                open: KafkaReader.opening(settings: kafka, logger: logger, metrics: metrics))
            let heartbeat = try Heartbeat(&context, service: worker.service, producer: producer, follower: follower)
            return [
                heartbeat, follower,
                try CapabilityWorker(worker, context, producer: producer, follower: follower, signing: signing) {
                    lane in
                    heartbeat.governing(
                        try KafkaConsumer(
                            settings: kafka, lane: lane, group: worker.group(lane), topics: [worker.topic(lane)],
                            logger: logger, metrics: metrics))
                },
            ]
        }
    }
}
