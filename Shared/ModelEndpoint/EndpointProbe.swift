import Contracts
import JSON
import Models
import Telemetry

/// What a server has shown when it was asked one small question of each kind.
///
/// Each question is asked once: without the retries, fallbacks, samples and limits of the endpoint's file, since they
/// would hide what the server does now. No prompt and no answer is kept, except the label that was chosen.
public struct EndpointProbe: Sendable {
    /// How one question ended.
    public struct Reply: Sendable {
        public enum Kind: String, CaseIterable, Sendable { case labels, text, json }

        public let kind: Kind
        /// One of the labels that were offered; `nil` for another kind, or if there was no answer.
        public let label: String?
        public let evidence: Evidence
        /// Why there was no usable answer; `nil` if there was one.
        public let fault: ModelError?
        /// Every request that was made. One that the server refused is made again without the refused feature.
        public let attempts: [ModelAttempt]
    }

    /// Whether the server forces an answer into a JSON Schema.
    public enum Schema: Sendable {
        case enforced
        /// The server accepts the schema, and its answer is not valid for it.
        case ignored
        case refused
        /// There was no answer that could show it.
        case unknown
    }

    /// Whether the server tells the probabilities of tokens.
    public enum Logprobs: Equatable, Sendable {
        /// - Parameter isUsable: whether they tell the probability of a label.
        case given(isUsable: Bool)
        /// The server accepts the request for them, and leaves them out.
        case dropped
        case refused
        /// The endpoint's file says not to ask for them.
        case notAskedFor
        /// There was no answer that could show it.
        case unknown
    }

    /// Without the path after `/v1`.
    public let baseURL: String
    /// The name of the model in the endpoint's file.
    public let model: String
    public let key: EndpointKey
    public let usesTLS: Bool
    /// Whether the endpoint's file names a price for now.
    public let hasPrice: Bool
    /// Ends at the first question to which the server gave no usable response: all others would end in the same way.
    public let replies: [Reply]
    public let schema: Schema
    public let logprobs: Logprobs

    public var attempts: [ModelAttempt] { replies.flatMap(\.attempts) }

    /// Asks the server of an endpoint.
    init(_ configuration: EndpointConfiguration, _ environment: EndpointEnvironment) async {
        var plain = configuration
        plain.retries.most = 0
        plain.samples = 1
        plain.gate = EndpointGate.Settings()
        let endpoint = Endpoint(plain, environment)

        var replies: [Reply] = [], isValid: Bool?
        for kind in Reply.Kind.allCases where replies.last?.fault?.code.isAboutServer != true {
            let (reply, json) = await Self.ask(endpoint, kind)
            replies.append(reply)
            if let json { isValid = ProbeQuestion.isValid(json) }
            if kind == .json, reply.fault?.code == .notJSON { isValid = false }
        }
        let label = replies.first { $0.kind == .labels && $0.fault == nil }

        baseURL = configuration.baseURL
        model = configuration.model
        key = EndpointKey(configuration.key)
        usesTLS = configuration.baseURL.hasPrefix("https://")
        hasPrice = configuration.prices.list.contains { $0.from <= environment.clock.time }
        self.replies = replies
        schema =
            if !endpoint.features.allows(.responseFormat) { .refused } else {
                switch isValid {
                case true?: .enforced
                case false?: .ignored
                case nil: .unknown
                }
            }
        logprobs =
            if !endpoint.features.allows(.logprobs) {
                .refused
            } else if configuration.topLogprobs == 0 {
                .notAskedFor
            } else if endpoint.features.dropsLogprobs {
                .dropped
            } else if let label {
                .given(isUsable: label.evidence.isMeasured)
            } else {
                .unknown
            }
    }

    /// - Returns: the reply, and the JSON value of the answer if there is one.
    private static func ask(_ endpoint: Endpoint, _ kind: Reply.Kind) async -> (Reply, json: String?) {
        func reply(_ output: ModelOutput?, _ fault: ModelError?, _ attempts: [ModelAttempt]) -> Reply {
            let label: String? = if case .label(let label)? = output?.answer { label } else { nil }
            return Reply(
                kind: kind, label: label, evidence: output?.evidence ?? .none, fault: fault, attempts: attempts)
        }
        do {
            let question = ProbeQuestion.of(kind)
            let outputs = try await endpoint.answer([.text(question.input)], as: question.question)
            guard let output = outputs.first else { return (reply(nil, nil, []), nil) }
            let fault = ProbeQuestion.fault(of: output).map { endpoint.error($0.code, $0.message, isRetriable: false) }
            let json: String? = if case .json(let text) = output.answer, fault == nil { text } else { nil }
            return (reply(output, fault, output.attempts), json)
        } catch let error as ModelError {
            return (reply(nil, error, error.attempts), nil)
        } catch {
            return (reply(nil, endpoint.error(.cancelled, "was cancelled", isRetriable: true), []), nil)
        }
    }
}

/// Whether the file of an endpoint's key can be read on this machine. The key itself is never shown.
public enum EndpointKey: Equatable, Sendable {
    case notNeeded
    case readable
    /// There is no such file here. It may be on the machines that run the escalator.
    case absent
    /// - Parameter reason: why it cannot be used.
    case unusable(reason: String)

    init(_ key: APIKey?) {
        guard let key else {
            self = .notNeeded
            return
        }
        do {
            _ = try key.read()
            self = .readable
        } catch {
            self = key.isAbsent ? .absent : .unusable(reason: error.reason)
        }
    }
}

extension EndpointFolder {
    /// Asks the server of an endpoint of this folder one small question of each kind.
    /// - Parameter name: without `endpoint:`.
    /// - Throws: `EndpointConfigurationErrors`
    public func probe(
        _ name: String, metrics: Metrics, logger: Logger
    ) async throws(EndpointConfigurationErrors) -> EndpointProbe {
        let configuration = try configuration(of: name)
        return await EndpointProbe(
            configuration,
            EndpointEnvironment(transport: try EndpointSet.transport(), metrics: metrics, logger: logger))
    }
}

/// The questions of a probe. Each has an answer that everybody would give, and few tokens.
private enum ProbeQuestion {
    private static let complaint = "The lamp arrived broken, and I want my money back."
    private static let cities = ["Paris", "Rome", "Oslo"]

    static func of(_ kind: EndpointProbe.Reply.Kind) -> (question: Question, input: String) {
        switch kind {
        case .labels:
            let labels = [
                Question.Label("refund", description: "The customer wants money back."),
                Question.Label("delivery", description: "The customer asks where a parcel is."),
                Question.Label("praise", description: "The customer is pleased."),
            ]
            return (question("Says what the customer wants.", .labels(labels)), complaint)
        case .text: return (question("Says in a few words what the customer wants.", .text), complaint)
        case .json:
            let names = cities.map { "\"\($0)\"" }.joined(separator: ",")
            let schema =
                #"{"type":"object","properties":{"city":{"type":"string","enum":[\#(names)]}},"#
                + #""required":["city"],"additionalProperties":false}"#
            // The text names a city that the schema excludes, so that a server that ignores the schema shows itself.
            return (
                question("Names the city of the text.", .json(schema: schema)), "The train goes to Lisbon tonight."
            )
        }
    }

    private static func question(_ description: String, _ kind: Question.Kind) -> Question {
        Question(task: "winnow/probe", description: description, kind: kind)
    }

    /// Whether a JSON value is valid for the schema of the question.
    static func isValid(_ json: String) -> Bool {
        let city = try? JSONDocument.read(json.utf8) { root -> String? in
            var names: [String] = []
            root.forEachMember { name, _ in names.append(name) }
            return names == ["city"] ? root["city"]?.string : nil
        }
        return city.flatMap { $0 }.map(cities.contains) ?? false
    }

    /// What makes an answer useless although the server gave it.
    static func fault(of output: ModelOutput) -> (code: ModelError.Code, message: String)? {
        if case .json = output.answer, output.isTruncated {
            return (.truncated, "the answer was longer than its limit of tokens")
        }
        guard case .text(let text) = output.answer, text.trimmingWhitespace.isEmpty else { return nil }
        return (.missingChoice, "the answer is an empty text")
    }
}

extension Evidence {
    fileprivate var isMeasured: Bool { if case .measured = self { true } else { false } }
}
