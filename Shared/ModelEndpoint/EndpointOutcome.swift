import Contracts
import Models

/// How one try ended.
indirect enum EndpointOutcome: Sendable {
    /// Status 200 and a response that can be read, whatever the model says in it.
    case answered(ChatReply, bytes: Int)
    /// Status 200 and a response that cannot be read.
    case garbled(ReplyFault)
    /// Any other status.
    case refused(HTTPReply)
    /// - Parameter isLate: whether the deadline of the caller ended it, and not a timeout of the endpoint.
    case broken(TransportError, isLate: Bool)
    case withoutKey(String)
    case cancelled(wasSent: Bool)

    /// What the try says about the health of the server. One that refuses a request is healthy.
    var health: CircuitBreaker.Outcome {
        switch self {
        case .answered: .success
        case .garbled: .failure
        case .refused(let reply):
            switch reply.status {
            case 429: .neutral
            case 400..<500 where reply.status != 408: .success
            default: .failure
            }
        case .broken(_, let isLate): isLate ? .neutral : .failure
        case .withoutKey, .cancelled: .neutral
        }
    }
}

/// What a try has consumed, as far as it can be known.
struct EndpointSettlement: Sendable {
    let state: ModelAttempt.State
    let usage: ModelUsage
    let responseModel: String?
    /// Whether there was an answer whose tokens the server did not tell.
    let usageWasMissing: Bool

    init(_ request: ChatRequest, bodyBytes: Int, outcome: EndpointOutcome, duration: Duration) {
        guard case .answered(let reply, let bytes) = outcome else {
            (responseModel, usageWasMissing) = (nil, false)
            state = outcome.mayHaveCost ? .unknown : .failed
            // The same bounds as those of the reservation.
            usage =
                outcome.mayHaveCost
                ? ModelUsage(
                    inputTokens: Int64(bodyBytes), outputTokens: Int64(request.maxTokens), isEstimated: true,
                    duration: duration)
                : ModelUsage(inputTokens: 0, duration: duration)
            return
        }
        responseModel = reply.responseModel
        usageWasMissing = reply.usage == nil
        let content = try? reply.content.get()
        state = content == nil ? .failed : .answered
        if let told = reply.usage {
            usage = ModelUsage(
                inputTokens: Int64(told.inputTokens), cachedInputTokens: Int64(told.cachedInputTokens),
                outputTokens: Int64(told.outputTokens), duration: duration)
        } else {
            let written = content?.tokens?.count ?? TokenEstimate.tokens(bytes: content?.text.utf8.count ?? bytes)
            usage = ModelUsage(
                inputTokens: Int64(TokenEstimate.tokens(bytes: bodyBytes)),
                outputTokens: Int64(min(written, request.maxTokens)), isEstimated: true, duration: duration)
        }
    }
}

extension EndpointOutcome {
    /// Whether the model may have worked although there is no answer. A server that reports its own failure or a
    /// refusal does not charge; a gateway that lost its server knows nothing.
    fileprivate var mayHaveCost: Bool {
        switch self {
        case .answered, .garbled: true
        case .cancelled(let wasSent): wasSent
        case .refused(let reply): [502, 504].contains(reply.status)
        case .broken(let error, _): error.wasSent
        case .withoutKey: false
        }
    }
}

extension Endpoint {
    func error(_ broken: TransportError) -> ModelError {
        switch broken.code {
        case .unreachable:
            error(.unreachable, broken.message, isRetriable: true, isDependencyUnavailable: true)
        case .tls: error(.tls, broken.message, isRetriable: false)
        case .timedOut: error(.timedOut, broken.message, isRetriable: true)
        case .connectionLost: error(.connectionLost, broken.message, isRetriable: true)
        case .tooLarge: error(.responseTooLarge, broken.message, isRetriable: false)
        case .tooSlow: error(.responseTooSlow, broken.message, isRetriable: true)
        case .malformed: error(.malformedResponse, broken.message, isRetriable: true)
        case .misconfigured: error(.unreachable, broken.message, isRetriable: false)
        }
    }

    /// The body is not quoted: servers repeat parts of the prompt in it, and of the key.
    func error(refusal reply: HTTPReply, now: Timestamp) -> ModelError {
        let retryAfter = RetrySchedule.retryAfter(
            reply.fields["retry-after"], date: reply.fields["date"], now: now)
        func error(_ code: ModelError.Code, isRetriable: Bool) -> ModelError {
            self.error(
                code, "the server answered with status \(reply.status)", isRetriable: isRetriable,
                status: reply.status, retryAfter: retryAfter)
        }
        switch reply.status {
        case 300..<400: return error(.redirected, isRetriable: false)
        case 401...403: return error(.unauthorized, isRetriable: false)
        case 404: return error(.notFound, isRetriable: false)
        case 408, 409, 500...: return error(.serverError, isRetriable: true)
        case 429: return error(.rateLimited, isRetriable: true)
        case 400..<500: return error(.requestRejected, isRetriable: false)
        default: return error(.malformedResponse, isRetriable: true)
        }
    }
}

extension ModelError {
    /// Whether the endpoint itself makes the call again. It does not where a second try would only cost the same again.
    var isRetried: Bool {
        switch code {
        case .unreachable, .timedOut, .connectionLost, .serverError: isRetriable
        case .rateLimited: status != nil
        default: false
        }
    }
}
