import BuiltInCatalog
import Contracts
import Inference
import MessageBus
import Telemetry
import WorkerKit

/// A capability worker as seen from its topics.
public enum Capable {
    /// A worker's answer to one step with this model; `nil` for the items that it escalates.
    public static func answers(
        of model: any Classifier, acceptThreshold: Double?, to items: [String], as route: Route
    ) async throws -> [Answer?] {
        let handler = StepHandler(
            service: "worker", classifier: model, certificates: KnownCertificates(acceptThreshold: acceptThreshold),
            counterfactual: try Tree.counterfactual(), catalog: .builtIn, metrics: Metrics())
        let step = Record.step(StepCommand(step: 0, route: route, items: items), of: .numbered(1))
        return try await handler.handle([step]).flatMap { record in
            record.topic == Topic.outcomes(.interactive)
                ? try record.outcome().answers : try record.escalation().answers
        }
    }
}
