import Contracts
import Crypto
import JSON

/// What is known about one server, from its file in `infra/endpoints`. The name of the file is the endpoint's name.
struct EndpointConfiguration: Equatable, Sendable {
    /// The name of the field that limits the tokens of an answer. Some models of OpenAI accept only the second.
    enum MaxTokensField: String, CaseIterable, Sendable {
        case maxTokens = "max_tokens"
        case maxCompletionTokens = "max_completion_tokens"
    }

    var name: String
    /// Without a slash at its end.
    var baseURL: String
    var model: String
    var key: APIKey?
    /// Sent with each request. They may be secret.
    var extraFields: [HTTPRequest.Field] = []
    var certificates: String?
    var proxy: String?
    var timeouts = HTTPRequest.Timeouts()
    var retries = RetrySchedule()
    var gate = EndpointGate.Settings()
    /// The endpoints that are asked instead if this one fails, in this order.
    var fallbacks: [String] = []
    var systemPrompt = PromptTemplate("{description}\n\n{format}")
    var inputPrompt = PromptTemplate("{input}")
    var prices = EndpointPrices()
    /// How many inputs one call asks about at most.
    var itemsPerCall = 1
    /// How many answers are compared if the server gives no probabilities. One compares nothing.
    var samples = 1
    /// At temperature 0 all samples would agree.
    var sampleTemperature = 1.0
    /// How many alternatives of each token are asked for; 0 asks for no probabilities.
    var topLogprobs = 20
    /// Whether the model is asked to say how sure it is. That is stored as self-reported, and never certified.
    var asksConfidence = false
    var maxTokensField = MaxTokensField.maxTokens

    var url: String { baseURL + "/chat/completions" }

    /// Changes with everything that can change an answer.
    var version: String {
        var writer = JSONWriter()
        writer.array { list in
            for text in [baseURL, model, systemPrompt.source, inputPrompt.source] { list.string(text) }
            for number in [itemsPerCall, samples, topLogprobs, asksConfidence ? 1 : 0] { list.integer(number) }
            list.double(sampleTemperature)
        }
        return String(writer.bytes.withUnsafeBytes { SHA256.hex($0) }.prefix(12))
    }
}

/// A file of an endpoint cannot be used. There is one error for each fault, and none quotes a value.
public struct EndpointConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    /// Where in the file, such as `timeouts.connectSeconds`; empty for the whole file.
    public let path: String
    public let message: String

    public var description: String { path.isEmpty ? "\(file): \(message)" : "\(file): \(path) \(message)" }
}

/// Every fault of a set of files, so that all can be mended at once.
public struct EndpointConfigurationErrors: Error, Equatable, Sendable, CustomStringConvertible {
    public let errors: [EndpointConfigurationError]

    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
