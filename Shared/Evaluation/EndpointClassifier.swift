import Contracts
import Inference
import Models
import Synchronization

/// A model that a certificate can name.
public protocol CertifiableModel: Classifier {
    /// SHA-256 of the files that the model was trained and calibrated on; empty if that is not known.
    var dataHashes: [String] { get }
}

extension EncoderClassifier: CertifiableModel {
    public var dataHashes: [String] { card.dataHashes }
}

/// A model behind HTTP as the full or the small model of one route, for measurements. It is asked about each text once.
public final class EndpointClassifier: CertifiableModel {
    public let identity: ModelIdentity
    public let routes: [Route]
    /// What an endpoint was trained on is not known.
    public let dataHashes: [String] = []
    private let model: any Model
    private let question: Question
    private let spent = Mutex(PicoDollars.zero)

    /// - Parameter identity: the model's version on the route.
    public init(_ model: any Model, asking question: Question, as route: Route, identity: ModelIdentity) {
        self.model = model
        self.question = question
        self.identity = identity
        routes = [route]
    }

    /// What all calls so far have cost.
    public var cost: PicoDollars { spent.withLock(\.self) }

    public func classify(_ texts: [String], as route: Route) async throws -> [Prediction] {
        guard routes.contains(route) else { throw InferenceError.unknownRoute(route, model: identity) }
        do {
            let outputs = try await model.answer(texts.map { .text($0) }, as: question)
            note(outputs.flatMap(\.attempts))
            return outputs.map { Prediction($0, isMeant: isOwn($0)) }
        } catch let error as ModelError {
            note(error.attempts + error.outputs.compactMap(\.self).flatMap(\.attempts))
            throw error
        }
    }

    /// Like `classify`, but leaves out what the endpoint does not answer itself.
    /// - Returns: `nil` for a text without an answer.
    /// - Throws: `ModelError` if none of the texts is answered.
    func attempt(_ texts: [String], as route: Route) async throws -> [Prediction?] {
        guard routes.contains(route) else { throw InferenceError.unknownRoute(route, model: identity) }
        return try await outputs(texts).map { $0.map { Prediction($0, isMeant: true) } }
    }

    /// What the endpoint itself says about texts.
    /// - Returns: `nil` for a text that it does not answer, or of which a fallback, which is another model, has answered.
    /// - Throws: `ModelError` if none of the texts is answered.
    func outputs(_ texts: [String]) async throws -> [ModelOutput?] {
        let outputs: [ModelOutput?]
        do {
            outputs = try await model.answer(texts.map { .text($0) }, as: question)
        } catch let error as ModelError {
            note(error.attempts)
            outputs = error.outputs
            guard outputs.count == texts.count, outputs.contains(where: { $0 != nil }) else {
                note(outputs.compactMap(\.self).flatMap(\.attempts))
                throw error
            }
        }
        note(outputs.compactMap(\.self).flatMap(\.attempts))
        return outputs.map { $0.flatMap { isOwn($0) ? $0 : nil } }
    }

    private func isOwn(_ output: ModelOutput) -> Bool { output.model.name == identity.name }

    /// Nobody reserves a measurement.
    public func mostTokens(of text: String, in context: ItemContext?, as route: Route) -> Int { 0 }

    private func note(_ attempts: [ModelAttempt]) {
        spent.withLock { spent in for attempt in attempts { spent += attempt.cost } }
    }
}

extension Prediction {
    /// An answer that is no label agrees with nothing.
    /// - Parameter isMeant: whether the endpoint itself answered. A fallback is sure of nothing in its name.
    fileprivate init(_ output: ModelOutput, isMeant: Bool) {
        let label = if case .label(let label) = output.answer { label } else { "" }
        let confidence = isMeant && output.evidence.isCertifiable ? output.evidence.confidence : nil
        self.init(
            label: label, confidence: confidence ?? 0, isSure: false,
            inputTokens: Int(clamping: output.usage.inputTokens + output.usage.outputTokens),
            flops: output.usage.flops ?? 0)
    }
}
