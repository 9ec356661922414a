import Contracts
import Models

/// One call, with as many tries as it takes: each is let through by the gate, made, settled and judged.
///
/// A reference: each of hundreds of calls in flight would otherwise hold several copies of it.
final class EndpointExchange: Sendable {
    let endpoint: Endpoint
    let question: Question
    let inputs: [ModelInput]
    /// In place of the question's.
    let temperature: Double?
    let ledger: (any CallLedger)?

    init(
        endpoint: Endpoint, question: Question, inputs: [ModelInput], temperature: Double?, ledger: (any CallLedger)?
    ) {
        self.endpoint = endpoint
        self.question = question
        self.inputs = inputs
        self.temperature = temperature
        self.ledger = ledger
    }

    typealias Reply = (ChatReply.Content, ChatForm)

    /// What follows from a try.
    private indirect enum Verdict {
        case done(Reply)
        case failed(ModelError)
        /// The same request without a feature that the server does not know. It is no retry.
        case withoutFeature
    }

    private var configuration: EndpointConfiguration { endpoint.configuration }
    private var environment: EndpointEnvironment { endpoint.environment }
    private var clock: any EndpointClock { endpoint.environment.clock }

    /// - Returns: every try, also if the call fails in the end.
    func run() async -> (attempts: [ModelAttempt], result: Result<Reply, ModelError>) {
        var attempts: [ModelAttempt] = [], failures = 0
        do throws(ModelError) {
            while true {
                let (attempt, verdict) = try await attempt()
                attempts.append(attempt)
                switch verdict {
                case .done(let reply): return (attempts, .success(reply))
                case .withoutFeature: continue
                case .failed(let error):
                    failures += 1
                    try await pause(after: error, failures: failures)
                }
            }
        } catch {
            return (attempts, .failure(error))
        }
    }

    /// Waits until the call may be made again.
    /// - Throws: the error itself if it should not be, or not before the deadline; `ModelError`.
    private func pause(after error: ModelError, failures: Int) async throws(ModelError) {
        let delay = configuration.retries.delay(
            afterTries: failures, retryAfter: error.retryAfter, jitter: environment.jitter())
        guard error.isRetried, let delay else { throw error }
        let end = clock.now + delay
        if let deadline = question.deadline, end >= deadline { throw error }
        endpoint.metrics.retries(after: error)
        do {
            try await clock.pause(until: end)
        } catch {
            throw cancelled
        }
    }

    private func attempt() async throws(ModelError) -> (ModelAttempt, Verdict) {
        let request = endpoint.request(question, inputs, temperature: temperature)
        let body = request.body(of: configuration)

        let most = TokenEstimate.tokens(bytes: body.count) + request.maxTokens
        let pass = try await enter(tokens: most)
        let reserved = configuration.prices.reservation(
            bodyBytes: body.count, maxTokens: request.maxTokens, at: clock.time)
        let ticket: Int?
        do throws(ModelError) {
            ticket = try await ledger?.begin(endpoint.identity, most: reserved, inputs: inputs.count)
        } catch {
            endpoint.gate.leave(pass, .neutral, consumed: 0)
            throw error
        }
        let start = clock.now, time = clock.time
        let outcome = await send(body)
        let settlement = EndpointSettlement(
            request, bodyBytes: body.count, outcome: outcome, duration: start.duration(to: clock.now))

        var attempt = ModelAttempt(
            model: endpoint.identity, ticket: ticket, state: settlement.state, inputs: inputs.count, startedAt: time,
            usage: settlement.usage,
            reserved: reserved, cost: .zero)
        attempt.responseModel = settlement.responseModel
        attempt.cost =
            settlement.state == .unknown
            ? attempt.reserved : configuration.prices.settlement(of: settlement.usage, at: time)
        let verdict = judge(outcome, request)
        if case .failed(let error) = verdict { attempt.error = error.code }
        if case .withoutFeature = verdict { attempt.error = .requestRejected }
        endpoint.gate.leave(
            pass, outcome.health, consumed: Int(settlement.usage.inputTokens + settlement.usage.outputTokens))
        endpoint.metrics.ended(attempt, usageWasMissing: settlement.usageWasMissing)
        return (attempt, verdict)
    }

    private func enter(tokens: Int) async throws(ModelError) -> EndpointGate.Pass {
        guard !Task.isCancelled else { throw cancelled }
        if let deadline = question.deadline, clock.now >= deadline { throw late }
        do {
            return try await endpoint.gate.enter(
                tokens: tokens, deadline: question.deadline, isBackground: question.isBackground)
        } catch let error as ModelError {
            throw error
        } catch {
            throw cancelled
        }
    }

    private func send(_ body: [UInt8]) async -> EndpointOutcome {
        var request = HTTPRequest(
            url: configuration.url,
            fields: configuration.extraFields + [
                HTTPRequest.Field(name: "Content-Type", value: "application/json"),
                HTTPRequest.Field(name: "Accept", value: "application/json"),
                HTTPRequest.Field(name: "User-Agent", value: "winnow"),
            ],
            body: body, timeouts: configuration.timeouts, certificates: configuration.certificates,
            proxy: configuration.proxy)
        let left = question.deadline.map { $0 - clock.now }
        if let left { request.timeouts.shorten(to: left) }
        guard !Task.isCancelled else { return .cancelled(wasSent: false) }
        do {
            if let key = try configuration.key?.read() { request.fields.append(key) }
            let reply = try await environment.transport.send(request)
            guard reply.status == 200 else { return .refused(reply) }
            return .answered(try ChatReply(reply), bytes: reply.body.count)
        } catch let fault as ReplyFault {
            return .garbled(fault)
        } catch let error as TransportError {
            let isLate = left.map { $0 < configuration.timeouts.whole && [.timedOut, .tooSlow].contains(error.code) }
            return .broken(error, isLate: isLate ?? false)
        } catch let error as APIKey.KeyError {
            return .withoutKey(error.reason)
        } catch {
            return .cancelled(wasSent: true)
        }
    }

    private func judge(_ outcome: EndpointOutcome, _ request: ChatRequest) -> Verdict {
        switch outcome {
        case .answered(let reply, _):
            switch reply.content {
            case .failure(let fault): return .failed(endpoint.error(fault))
            case .success(let content):
                if request.topLogprobs > 0 {
                    let areMissing = content.tokens == nil
                    endpoint.metrics.logprobs(
                        areMissing: areMissing, isNew: endpoint.features.note(logprobsAreMissing: areMissing))
                }
                return .done((content, request.form))
            }
        case .garbled(let fault): return .failed(endpoint.error(fault))
        case .refused(let reply):
            let used = request.usedFeatures
            if reply.status == 400, let feature = endpoint.features.refusal(in: reply.body, used: used) {
                endpoint.metrics.refuses(feature.rawValue)
                return .withoutFeature
            }
            return .failed(endpoint.error(refusal: reply, now: clock.time))
        case .broken(let error, let isLate): return .failed(isLate ? late : endpoint.error(error))
        case .withoutKey(let reason):
            return .failed(
                endpoint.error(.keyUnreadable, "the file of the key cannot be used: \(reason)", isRetriable: false))
        case .cancelled: return .failed(cancelled)
        }
    }

    private var late: ModelError {
        endpoint.error(.deadlineExceeded, "there was no answer before the deadline", isRetriable: false)
    }

    private var cancelled: ModelError {
        endpoint.error(.cancelled, "the caller no longer waits for an answer", isRetriable: true)
    }
}

extension ChatRequest {
    /// The features that the server might not know. The first one is the more special one.
    fileprivate var usedFeatures: [EndpointFeatures.Feature] {
        (topLogprobs > 0 ? [.logprobs] : []) + (form.isJSON && form.isEnforced ? [.responseFormat] : [])
    }
}

extension HTTPRequest.Timeouts {
    fileprivate mutating func shorten(to left: Duration) {
        connect = min(connect, left)
        firstByte = min(firstByte, left)
        body = min(body, left)
        whole = min(whole, left)
    }
}
