import Contracts

/// What a model says about one input.
public struct ModelOutput: Equatable, Sendable {
    public enum Answer: Equatable, Sendable {
        /// For a routing, the labels joined by commas, or `none`.
        case label(String)
        case text(String)
        /// The text of a JSON value. For a routing, parts as `RoutedPart` writes them. If the output is truncated, it may be only the beginning of one.
        case json(String)
        case transcript(String)
    }

    public var answer: Answer
    public var evidence: Evidence
    /// Whether the answer ends only because it reached its limit of tokens.
    public var isTruncated: Bool
    /// The model that really answered. It differs from the one that was asked if a fallback answered.
    public var model: ModelIdentity
    /// The usage of all attempts of `attempts`.
    public var usage: ModelUsage { attempts.reduce(.zero) { $0 + $1.usage } }
    /// Every try that was made for this input, in order. A try that several inputs shared is listed only at the first
    /// of them, so that the sum over the outputs of a call is the whole usage.
    public var attempts: [ModelAttempt]

    public init(
        answer: Answer, evidence: Evidence, isTruncated: Bool = false, model: ModelIdentity, attempts: [ModelAttempt]
    ) {
        self.answer = answer
        self.evidence = evidence
        self.isTruncated = isTruncated
        self.model = model
        self.attempts = attempts
    }
}

extension ModelOutput.Answer {
    /// The answer as messages carry it.
    public var output: Contracts.Answer.Output {
        switch self {
        case .label(let label): .label(label)
        case .text(let text), .transcript(let text): .text(text)
        case .json(let json): .json(json)
        }
    }
}

/// How sure an answer is, and how that is known.
public enum Evidence: Hashable, Sendable {
    /// A probability that the model computed: a calibrated head, or the probabilities of its tokens.
    case measured(Double)
    /// This many of several independent answers agree with the given one, itself included.
    case sampled(agreeing: Int, of: Int)
    /// A number that the model says of itself. It proves nothing.
    case selfReported(Double)
    case none

    /// - Returns: `nil` without evidence.
    public var confidence: Double? {
        switch self {
        case .measured(let confidence), .selfReported(let confidence): confidence
        case .sampled(let agreeing, let all): all > 0 ? Double(agreeing) / Double(all) : nil
        case .none: nil
        }
    }

    /// Whether a certificate may rest on this. What a model says of itself is never certified.
    public var isCertifiable: Bool {
        switch self {
        case .measured, .sampled: true
        case .selfReported, .none: false
        }
    }
}

/// What one or several tries consumed.
public struct ModelUsage: Hashable, Sendable {
    /// All tokens that were read, including the cached ones.
    public var inputTokens: Int64
    /// The part of `inputTokens` that the server had cached, which usually costs less.
    public var cachedInputTokens: Int64
    public var outputTokens: Int64
    /// Whether any of the tokens is our own count, because the server told none.
    public var isEstimated: Bool
    /// - Units: floating-point operations, 2 per multiply-add; `nil` if unknown.
    public var flops: Int64?
    /// Wall-clock time. The sum of several tries, although they may have overlapped.
    public var duration: Duration

    public init(
        inputTokens: Int64, cachedInputTokens: Int64 = 0, outputTokens: Int64 = 0, isEstimated: Bool = false,
        flops: Int64? = nil, duration: Duration = .zero
    ) {
        self.inputTokens = inputTokens
        self.cachedInputTokens = cachedInputTokens
        self.outputTokens = outputTokens
        self.isEstimated = isEstimated
        self.flops = flops
        self.duration = duration
    }

    public static let zero = ModelUsage(inputTokens: 0)

    /// Saturates, as amounts of money do: a sum of numbers from outside must not crash the process.
    public static func + (left: ModelUsage, right: ModelUsage) -> ModelUsage {
        func sum(_ a: Int64, _ b: Int64) -> Int64 {
            let (sum, overflows) = a.addingReportingOverflow(b)
            return overflows ? .max : sum
        }
        return ModelUsage(
            inputTokens: sum(left.inputTokens, right.inputTokens),
            cachedInputTokens: sum(left.cachedInputTokens, right.cachedInputTokens),
            outputTokens: sum(left.outputTokens, right.outputTokens),
            isEstimated: left.isEstimated || right.isEstimated,
            flops: left.flops.map { sum($0, right.flops ?? 0) } ?? right.flops,
            duration: left.duration + right.duration)
    }
}

/// One try: a request that was made to a model, whether or not it was answered.
public struct ModelAttempt: Equatable, Sendable {
    public enum State: String, Sendable {
        /// The model answered, and its usage is settled.
        case answered
        /// The try failed, and it is known what it cost.
        case failed
        /// The try broke after the request had been sent. It costs what it may have cost at most.
        case unknown
    }

    public var model: ModelIdentity
    /// The number that the ledger gave the try; `nil` without a ledger.
    public var ticket: Int?
    /// The model that the server says has answered; `nil` if it does not say so.
    public var responseModel: String?
    public var state: State
    /// Why the try failed; `nil` if it did not.
    public var error: ModelError.Code?
    /// The number of inputs that the try was about.
    public var inputs: Int
    public var startedAt: Timestamp
    public var usage: ModelUsage
    /// The most that the try could cost, known before it was made.
    public var reserved: PicoDollars
    public var cost: PicoDollars

    public init(
        model: ModelIdentity, ticket: Int? = nil, responseModel: String? = nil, state: State,
        error: ModelError.Code? = nil, inputs: Int,
        startedAt: Timestamp, usage: ModelUsage, reserved: PicoDollars, cost: PicoDollars
    ) {
        self.model = model
        self.ticket = ticket
        self.responseModel = responseModel
        self.state = state
        self.error = error
        self.inputs = inputs
        self.startedAt = startedAt
        self.usage = usage
        self.reserved = reserved
        self.cost = cost
    }
}
