import JSON
import Models

/// The body of a request to `/v1/chat/completions`.
/// - Source: OpenAI API reference, Chat Completions
struct ChatRequest: Sendable {
    let form: ChatForm
    let system: String
    let user: String
    /// For all answers of the call together.
    let maxTokens: Int
    let temperature: Double?
    let stop: [String]
    /// 0 asks for no probabilities.
    let topLogprobs: Int

    /// The tokens that index, quotes and braces of one answer among several may take.
    private static let tokensPerFrame = 24

    /// - Parameter temperature: in place of the question's.
    init(
        _ question: Question, _ inputs: [ModelInput], form: ChatForm, configuration: EndpointConfiguration,
        temperature: Double? = nil, asksLogprobs: Bool
    ) {
        self.form = form
        func value(_ placeholder: PromptTemplate.Placeholder) -> String {
            switch placeholder {
            case .task: question.task
            case .description: question.description
            case .format: form.instruction
            case .input: form.input(inputs)
            }
        }
        system = configuration.systemPrompt.text(value).trimmingWhitespace
        user = configuration.inputPrompt.text(value)
        maxTokens =
            form.batch.map { (question.limits.maxTokens + Self.tokensPerFrame) * $0 } ?? question.limits.maxTokens
        self.temperature = temperature ?? question.limits.temperature
        stop = question.limits.stop
        if case .labels = question.kind, asksLogprobs {
            topLogprobs = configuration.topLogprobs
        } else {
            topLogprobs = 0
        }
    }

    func body(of configuration: EndpointConfiguration) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: system.utf8.count + user.utf8.count + 1024)
        writer.object { body in
            body.member("model", configuration.model)
            body.name("messages")
            body.array { messages in
                for (role, content) in [("system", system), ("user", user)] where !content.isEmpty {
                    messages.object { message in
                        message.member("role", role)
                        message.member("content", content)
                    }
                }
            }
            body.member(configuration.maxTokensField.rawValue, maxTokens)
            body.optional("temperature", temperature) { $0.double($1) }
            if !stop.isEmpty {
                body.name("stop")
                body.array(stop) { $0.string($1) }
            }
            if form.isJSON, form.isEnforced {
                body.name("response_format")
                form.writeFormat(to: &body)
            }
            if topLogprobs > 0 {
                body.member("logprobs", true)
                body.member("top_logprobs", topLogprobs)
            }
        }
        return writer.bytes
    }
}
