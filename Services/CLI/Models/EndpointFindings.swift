import Contracts
import ModelEndpoint
import Models

/// Says in words what a server has shown when it was asked. No finding quotes a prompt, an answer or a key; only the label
/// that the model chose is shown.
enum EndpointFindings {
    static func of(_ probe: EndpointProbe) -> [Finding] {
        [server(probe), key(probe.key), encryption(probe)] + probe.replies.map(reply)
            + (probe.replies.contains { $0.fault == nil }
                ? [schema(probe.schema), logprobs(probe.logprobs), usage(probe), answering(probe), cost(probe)] : [])
    }

    private static func server(_ probe: EndpointProbe) -> Finding {
        let unanswered = EndpointProbe.Reply.Kind.allCases.count - probe.replies.count
        guard unanswered > 0 else { return Finding("server", .good, "\(probe.baseURL), model \(probe.model)") }
        return Finding(
            "server", .bad, "\(probe.baseURL), model \(probe.model): \(unanswered) of the questions were not asked",
            "mend what the failed question says first")
    }

    static func key(_ key: EndpointKey, check: String = "key") -> Finding {
        switch key {
        case .notNeeded: Finding(check, .good, "none: the endpoint's file names no keyFile")
        case .readable: Finding(check, .good, "its file can be read here")
        case .absent: Finding(check, .bad, "its file is not on this machine", "write it, or correct keyFile")
        case .unusable(let reason):
            Finding(check, .bad, "its file cannot be used: \(reason)", "mend the file of keyFile")
        }
    }

    private static func encryption(_ probe: EndpointProbe) -> Finding {
        if probe.usesTLS { return Finding("TLS", .good, "used, and the server's certificate is verified") }
        return Finding(
            "TLS", .doubtful,
            "not used: texts\(probe.key == .notNeeded ? "" : " and the key") cross the network as they are",
            "use https, unless the server is on this machine or in a network of its own")
    }

    private static func reply(_ reply: EndpointProbe.Reply) -> Finding {
        let check = "question for \(reply.kind.words)"
        let duration = "\(reply.attempts.reduce(Duration.zero) { $0 + $1.usage.duration }.milliseconds) ms"
        if let fault = reply.fault {
            return Finding(
                check, .bad, "not answered: \(fault.code.rawValue), \(fault.message)", advice(on: fault.code))
        }
        return Finding(check, .good, reply.label.map { "\($0), in \(duration)" } ?? "answered in \(duration)")
    }

    private static func advice(on code: ModelError.Code) -> String {
        switch code {
        case .unreachable: "see that the server runs, and correct baseURL"
        case .timedOut, .responseTooSlow: "see why the server is slow, or raise timeouts"
        case .tls: "see the server's certificate, or name its authority in caFile"
        case .keyUnreadable: "mend the file of keyFile"
        case .unauthorized: "renew the key, or correct keyHeader"
        case .notFound: "correct baseURL, which ends with /v1, and model"
        case .redirected: "name the final address in baseURL: redirects are not followed"
        case .rateLimited: "wait, or lower requestsPerMinute"
        case .wrongContentType, .malformedResponse, .missingChoice, .duplicateChoices:
            "see whether baseURL is a server of /v1/chat/completions"
        case .requestRejected: "see the server's log for what it does not accept, such as maxTokensField"
        default: "see the server's log, or use a model that follows instructions better"
        }
    }

    private static func schema(_ schema: EndpointProbe.Schema) -> Finding {
        switch schema {
        case .enforced: Finding("JSON schema", .good, "enforced: the answer is valid for the schema")
        case .ignored:
            Finding(
                "JSON schema", .doubtful, "accepted and not enforced: the answer is not valid for the schema",
                "check JSON answers before you use them")
        case .refused:
            Finding(
                "JSON schema", .doubtful, "refused (response_format): the model is only asked to keep to it",
                "check JSON answers before you use them")
        case .unknown: Finding("JSON schema", .doubtful, "unknown: no answer shows it")
        }
    }

    private static func logprobs(_ logprobs: EndpointProbe.Logprobs) -> Finding {
        let check = "probabilities"
        let advice = "set samples to compare several answers, or labels come without a confidence"
        switch logprobs {
        case .given(isUsable: true):
            return Finding(check, .good, "given (logprobs), and the label's confidence is measured")
        case .given(isUsable: false):
            return Finding(check, .doubtful, "given (logprobs), and they do not tell the label's confidence", advice)
        case .dropped: return Finding(check, .doubtful, "asked for (logprobs), and left out of the answer", advice)
        case .refused: return Finding(check, .doubtful, "refused (logprobs)", advice)
        case .notAskedFor: return Finding(check, .doubtful, "not asked for: topLogprobs is 0", advice)
        case .unknown: return Finding(check, .doubtful, "unknown: no label was answered")
        }
    }

    private static func usage(_ probe: EndpointProbe) -> Finding {
        let usage = probe.attempts.reduce(ModelUsage.zero) { $0 + $1.usage }
        let tokens = "\(usage.inputTokens) input tokens and \(usage.outputTokens) output tokens"
        return usage.isEstimated
            ? Finding("usage", .doubtful, "not told: \(tokens) are our estimate", "costs are estimates, marked as such")
            : Finding("usage", .good, "told: \(tokens)")
    }

    private static func answering(_ probe: EndpointProbe) -> Finding {
        let names = Set(probe.attempts.compactMap(\.responseModel)).sorted()
        return names.isEmpty
            ? Finding("answering model", .good, "the server does not say")
            : Finding("answering model", .good, "the server says \(names.joined(separator: ", "))")
    }

    private static func cost(_ probe: EndpointProbe) -> Finding {
        let cost = probe.attempts.reduce(PicoDollars.zero) { $0 + $1.cost }
        return probe.hasPrice
            ? Finding("cost", .good, "\(cost.short), for \(probe.attempts.count) requests")
            : Finding(
                "cost", .doubtful, "0 USD: the endpoint's file names no price for now",
                "add one to prices, or nothing counts as spent and no budget limits it")
    }
}

extension EndpointProbe.Reply.Kind {
    fileprivate var words: String {
        switch self {
        case .labels: "a label"
        case .text: "a text"
        case .json: "JSON"
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { Int64(self / .milliseconds(1)) }
}
