import Contracts
import Models
import Telemetry

/// A language model behind a server that speaks OpenAI's `/v1/chat/completions`.
final class Endpoint: Model {
    let configuration: EndpointConfiguration
    let identity: ModelIdentity
    let features = EndpointFeatures()
    let environment: EndpointEnvironment
    let metrics: EndpointMetrics
    let gate: EndpointGate

    init(_ configuration: EndpointConfiguration, _ environment: EndpointEnvironment) {
        self.configuration = configuration
        self.environment = environment
        identity = ModelIdentity(name: TaskModels.endpointPrefix + configuration.name, version: configuration.version)
        metrics = EndpointMetrics(
            environment.metrics, logger: environment.logger, name: configuration.name, model: configuration.model)
        gate = EndpointGate(
            configuration.gate, name: configuration.name, clock: environment.clock, metrics: metrics)
    }

    func answer(
        _ inputs: [ModelInput], as question: Question, on ledger: (any CallLedger)?
    ) async throws -> [ModelOutput] {
        try QuestionCheck.check(question)
        let sheet = AnswerSheet(count: inputs.count)
        let asking = EndpointAsking(
            endpoint: self, question: question, asked: inputs, sheet: sheet, ledger: ledger)
        await asking.ask(calls(inputs.count, question))
        return try sheet.outputs()
    }

    /// Which inputs are asked about in which call, by their indices.
    private func calls(_ count: Int, _ question: Question) -> [[Int]] {
        // The schema of a caller describes one answer, so there is no form for several.
        let size =
            switch question.kind {
            case .json, .routing: 1
            case .labels, .text: configuration.itemsPerCall
            }
        return stride(from: 0, to: count, by: size).map { Array($0..<min($0 + size, count)) }
    }

    /// - Parameter temperature: in place of the question's.
    func request(_ question: Question, _ inputs: [ModelInput], temperature: Double? = nil) -> ChatRequest {
        let form = ChatForm(
            kind: question.kind, batch: inputs.count > 1 ? inputs.count : nil,
            hasContext: question.kind.needsContext && inputs.contains(where: \.hasContext),
            isEnforced: features.allows(.responseFormat), asksConfidence: configuration.asksConfidence)
        return ChatRequest(
            question, inputs, form: form, configuration: configuration, temperature: temperature,
            asksLogprobs: features.allows(.logprobs))
    }

    func error(
        _ code: ModelError.Code, _ message: String, isRetriable: Bool, isDependencyUnavailable: Bool = false,
        status: Int? = nil, retryAfter: Duration? = nil
    ) -> ModelError {
        ModelError(
            code, "endpoint \(configuration.name): \(message)", isRetriable: isRetriable,
            isDependencyUnavailable: isDependencyUnavailable, status: status, retryAfter: retryAfter)
    }
}

/// What an endpoint needs from outside. Tests replace it.
struct EndpointEnvironment: Sendable {
    var transport: any HTTPTransport
    var clock: any EndpointClock = SystemClock()
    /// From 0 to 1.
    var jitter: @Sendable () -> Double = { Double.random(in: 0...1) }
    var metrics: Metrics
    var logger: Logger
}

/// Finds questions that no server could answer, before anything is sent.
enum QuestionCheck {
    /// - Throws: `ModelError`
    static func check(_ question: Question) throws(ModelError) {
        func invalid(_ message: String) -> ModelError { ModelError(.invalidQuestion, message, isRetriable: false) }
        let limits = question.limits
        guard (1...1_000_000).contains(limits.maxTokens) else {
            throw invalid("the most tokens of an answer must be from 1 to 1000000")
        }
        guard limits.temperature.map({ (0...2).contains($0) }) ?? true else {
            throw invalid("the temperature must be from 0 to 2")
        }
        guard limits.stop.count <= 4, !limits.stop.contains("") else {
            throw invalid("there may be up to 4 stop texts, and none may be empty")
        }
        switch question.kind {
        case .labels(let labels), .routing(let labels, _):
            guard !labels.isEmpty, labels.allSatisfy({ !$0.name.isEmpty }),
                Set(labels.map { ExactText($0.name) }).count == labels.count
            else { throw invalid("there must be labels, with names that differ and are not empty") }
        case .text: break
        case .json(let schema):
            guard JSONText.isValue(schema) else { throw invalid("the schema is not valid JSON") }
        }
    }
}

extension ModelInput {
    var text: String {
        switch self {
        case .text(let text, _): text
        }
    }

    var context: ItemContext? {
        switch self {
        case .text(_, let context): context
        }
    }

    /// Nothing stands around an item that is the whole request.
    fileprivate var hasContext: Bool { context.map { $0 != ItemContext(before: "", after: "") } ?? false }
}

extension Question.Kind {
    /// Whether the answer depends on what stands around the text.
    fileprivate var needsContext: Bool { if case .routing = self { true } else { false } }
}
