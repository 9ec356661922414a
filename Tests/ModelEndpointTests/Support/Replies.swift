import JSON

/// Bodies of responses.
enum Replies {
    /// A whole chat completion.
    static func chat(
        _ content: String, finish: String = "stop", usage: (Int, Int)? = (10, 2), cached: Int? = nil,
        logprobs: String? = nil
    ) -> String {
        var writer = JSONWriter()
        writer.object { body in
            body.member("model", "served-model")
            body.name("choices")
            body.array { choices in
                choices.object { choice in
                    choice.member("index", 0)
                    choice.name("message")
                    choice.object { message in
                        message.member("role", "assistant")
                        message.member("content", content)
                    }
                    choice.member("finish_reason", finish)
                    choice.optional("logprobs", logprobs) { $0.raw($1) }
                }
            }
            body.optional("usage", usage) { writer, usage in
                writer.object { object in
                    object.member("prompt_tokens", usage.0)
                    object.member("completion_tokens", usage.1)
                    object.optional("prompt_tokens_details", cached) { details, cached in
                        details.object { $0.member("cached_tokens", cached) }
                    }
                }
            }
        }
        return writer.text
    }

    /// The `logprobs` of tokens, each with its alternatives by natural logarithm.
    static func logprobs(_ tokens: [(String, Double, [(String, Double)])]) -> String {
        var writer = JSONWriter()
        func token(_ writer: inout JSONWriter, _ text: String, _ logprob: Double, _ rest: [(String, Double)]?) {
            writer.object { object in
                object.member("token", text)
                object.name("logprob")
                object.double(logprob)
                object.optional("top_logprobs", rest) { list, rest in
                    list.array(rest) { token(&$0, $1.0, $1.1, nil) }
                }
            }
        }
        writer.object { object in
            object.name("content")
            object.array(tokens) { token(&$0, $1.0, $1.1, $1.2) }
        }
        return writer.text
    }
}
