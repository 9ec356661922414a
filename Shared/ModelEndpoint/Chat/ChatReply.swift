import Contracts
import Glibc
import JSON
import Models

/// Why a response has no usable answer. The message never quotes the response.
struct ReplyFault: Error, Equatable {
    let code: ModelError.Code
    let message: String
}

/// A response with status 200, taken apart. What it cost is known even if it has no usable answer.
/// - Source: OpenAI API reference, Chat Completions
struct ChatReply: Sendable {
    struct Usage: Equatable, Sendable {
        var inputTokens: Int
        var cachedInputTokens: Int
        var outputTokens: Int
    }

    struct Content: Equatable, Sendable {
        var text: String
        /// Whether the text ends because it reached the limit of tokens.
        var isTruncated: Bool
        /// Each token of the text with its probability and its alternatives; `nil` if the server told none.
        var tokens: [TokenProbability]?
    }

    let content: Result<Content, ReplyFault>
    /// `nil` if the server told none, or figures that cannot be true.
    var usage: Usage?
    var responseModel: String?

    /// - Throws: `ReplyFault` if the body is not even JSON.
    init(_ reply: HTTPReply) throws(ReplyFault) {
        guard Self.isJSON(reply.fields["content-type"]) else {
            throw ReplyFault(code: .wrongContentType, message: "the response is not application/json")
        }
        guard String(validating: reply.body, as: UTF8.self) != nil else {
            throw ReplyFault(code: .malformedResponse, message: "the response is not valid UTF-8")
        }
        do {
            self = try JSONDocument.read(reply.body) { root in
                guard root.kind == .object else {
                    throw ReplyFault(code: .malformedResponse, message: "the response is not a JSON object")
                }
                return ChatReply(root)
            }
        } catch let fault as ReplyFault {
            throw fault
        } catch {
            throw ReplyFault(code: .malformedResponse, message: "the response is not valid JSON")
        }
    }

    private init(_ root: JSONValue) {
        usage = Self.usage(root["usage"])
        responseModel = root["model"]?.string.map { String($0.prefix(Limits.identifierBytes / 4)) }
        content = Result { () throws(ReplyFault) in try Self.content(root) }
    }

    private static func isJSON(_ contentType: String?) -> Bool {
        let type = contentType?.split(separator: ";").first?.trimmingWhitespace.lowercased()
        return type == "application/json" || type?.hasSuffix("+json") == true
    }

    private static func usage(_ usage: JSONValue?) -> Usage? {
        let range = 0...Limits.tokensPerCall
        guard let input = usage?["prompt_tokens"]?.integer, range.contains(input),
            let output = usage?["completion_tokens"]?.integer, range.contains(output)
        else { return nil }
        let cached = usage?["prompt_tokens_details"]?["cached_tokens"]?.integer ?? 0
        return Usage(inputTokens: input, cachedInputTokens: min(max(0, cached), input), outputTokens: output)
    }

    private static func content(_ root: JSONValue) throws(ReplyFault) -> Content {
        guard let choices = root["choices"]?.map({ $0 }), let choice = choices.first else {
            throw ReplyFault(code: .missingChoice, message: "the response has no choice")
        }
        guard choices.count == 1 else {
            throw ReplyFault(
                code: .duplicateChoices, message: "the response has \(choices.count) choices, and one was asked for")
        }
        guard let message = choice["message"] else {
            throw ReplyFault(code: .missingChoice, message: "the choice has no message")
        }
        let reason = choice["finish_reason"]?.string
        if message["refusal"]?.string?.isEmpty == false {
            throw ReplyFault(code: .refused, message: "the model refuses to answer")
        }
        if reason == "content_filter" {
            throw ReplyFault(code: .refused, message: "a filter of the server removed the answer")
        }
        if message["tool_calls"]?.map({ _ in })?.isEmpty == false || message["function_call"] != nil {
            throw ReplyFault(code: .toolCall, message: "the model calls a tool instead of answering")
        }
        guard let text = message["content"]?.string else {
            throw ReplyFault(code: .missingChoice, message: "the choice has no text")
        }
        let tokens = choice["logprobs"]?["content"]?.map(TokenProbability.init).flatMap { $0.isEmpty ? nil : $0 }
        return Content(text: text, isTruncated: reason == "length", tokens: tokens)
    }
}

/// A token that the model wrote, and what it could have written instead.
struct TokenProbability: Equatable, Sendable {
    struct Alternative: Equatable, Sendable {
        let bytes: [UInt8]
        let probability: Double
    }

    let bytes: [UInt8]
    let probability: Double
    /// The most probable tokens at this place, usually the written one among them.
    let alternatives: [Alternative]

    init(bytes: [UInt8], probability: Double, alternatives: [Alternative]) {
        self.bytes = bytes
        self.probability = probability
        self.alternatives = alternatives
    }

    init(_ json: JSONValue) {
        let written = Self.alternative(json)
        bytes = written.bytes
        probability = written.probability
        alternatives = json["top_logprobs"]?.map(Self.alternative) ?? []
    }

    /// A token may be a part of a character. Only its bytes say what it is then.
    private static func alternative(_ json: JSONValue) -> Alternative {
        let bytes = json["bytes"]?.map { $0.integer.flatMap(UInt8.init(exactly:)) } ?? []
        let logarithm = json["logprob"]?.double ?? -.infinity
        return Alternative(
            bytes: bytes.isEmpty || bytes.contains(nil)
                ? Array((json["token"]?.string ?? "").utf8) : bytes.compactMap { $0 },
            probability: logarithm <= 0 ? exp(logarithm) : 0)
    }
}
