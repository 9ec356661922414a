import JSON

/// One model call for a step. Every call has a ledger row, even if it failed.
public struct Attempt: Sendable, Equatable {
    /// `worker` is a call of the small model, also where the small model is an endpoint and no worker asks it.
    public enum Kind: String, Sendable { case router, worker, middle, full, shadow }

    /// `unknown`: the call was started and never settled because the process died. It keeps its reserved price.
    public enum State: String, Sendable { case started, settled, failed, unknown }

    /// Counts the calls of one step from 1. Together with the step it identifies the ledger row.
    public var number: Int
    public var kind: Kind
    public var state: State
    public var model: String
    public var version: String
    public var items: Int
    public var usage: TokenUsage
    /// - Units: microseconds of wall-clock time; the step's share if items of several steps were computed together.
    public var durationMicros: Int64
    public var startedAt: Timestamp
    /// What the full model would have consumed for the same items. 0 for a call that the full model alone would not
    /// have needed, such as the routing of items.
    public var counterfactual: TokenUsage
    public var error: String?
    /// The part of the input tokens that the model's server had cached.
    public var cachedInputTokens: Int64
    /// Whether the tokens are our own count, because the model's server told none.
    public var isEstimated: Bool

    public init(
        number: Int, kind: Kind, state: State = .settled, model: String, version: String, items: Int,
        usage: TokenUsage, durationMicros: Int64, startedAt: Timestamp, counterfactual: TokenUsage = .zero,
        error: String? = nil, cachedInputTokens: Int64 = 0, isEstimated: Bool = false
    ) {
        self.number = number
        self.kind = kind
        self.state = state
        self.model = model
        self.version = version
        self.items = items
        self.usage = usage
        self.durationMicros = durationMicros
        self.startedAt = startedAt
        self.counterfactual = counterfactual
        self.error = error
        self.cachedInputTokens = cachedInputTokens
        self.isEstimated = isEstimated
    }
}

extension Attempt {
    func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("number", number)
            body.member("kind", kind.rawValue)
            body.member("state", state.rawValue)
            body.member("model", model)
            body.member("version", version)
            body.member("items", items)
            body.member("inputTokens", usage.inputTokens)
            if usage.outputTokens != 0 { body.member("outputTokens", usage.outputTokens) }
            if cachedInputTokens != 0 { body.member("cachedInputTokens", cachedInputTokens) }
            if isEstimated { body.member("estimated", true) }
            body.member("flops", usage.flops)
            body.member("durationMicros", durationMicros)
            body.member("startedAt", startedAt.milliseconds)
            body.member("fullModelTokens", counterfactual.inputTokens)
            if counterfactual.outputTokens != 0 { body.member("fullModelOutputTokens", counterfactual.outputTokens) }
            body.member("fullModelFlops", counterfactual.flops)
            body.member("error", error)
        }
    }

    init(json value: JSONValue) throws {
        let path = "attempts"
        guard let kind = Kind(rawValue: try value.required("kind", in: path)),
            let state = State(rawValue: try value.required("state", in: path))
        else { throw ContractError(.wrongType, "attempts: kind or state is unknown") }
        func amount(_ name: StaticString, atMost limit: Int) throws -> Int64 {
            Int64(try value.integer(name, in: path, within: 0...limit) ?? 0)
        }
        self.init(
            number: try value.requiredInteger("number", in: path, within: 1...Limits.attemptsPerStep), kind: kind,
            state: state, model: try value.requiredName("model", in: path),
            version: try value.requiredName("version", in: path),
            items: Int(try amount("items", atMost: Limits.itemsPerCall)),
            usage: TokenUsage(
                inputTokens: try amount("inputTokens", atMost: Limits.tokensPerCall),
                outputTokens: try amount("outputTokens", atMost: Limits.tokensPerCall),
                flops: try amount("flops", atMost: Limits.flopsPerCall)),
            durationMicros: try amount("durationMicros", atMost: Limits.microsPerCall),
            startedAt: try value.requiredTime("startedAt", in: path),
            counterfactual: TokenUsage(
                inputTokens: try amount("fullModelTokens", atMost: Limits.tokensPerCall),
                outputTokens: try amount("fullModelOutputTokens", atMost: Limits.tokensPerCall),
                flops: try amount("fullModelFlops", atMost: Limits.flopsPerCall)),
            error: try value.text("error", in: path),
            cachedInputTokens: try amount("cachedInputTokens", atMost: Limits.tokensPerCall),
            isEstimated: value["estimated"]?.bool ?? false)
    }
}

/// The tokens and operations that a model call consumed.
public struct TokenUsage: Hashable, Sendable {
    /// - Units: tokens, including `[CLS]` and `[SEP]`; for an endpoint, the tokens that it bills.
    public var inputTokens: Int64
    public var outputTokens: Int64
    /// - Units: floating-point operations of the matrix products, 2 per multiply-add; 0 if unknown.
    public var flops: Int64

    public init(inputTokens: Int64, outputTokens: Int64 = 0, flops: Int64) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.flops = flops
    }

    /// The number of marker tokens, `[CLS]` and `[SEP]`, of each text that is read on its own.
    public static let marksPerText: Int64 = 2

    /// Returns the share `part / whole` of the usage, or zero if `whole` is zero.
    public func share(_ part: Int, of whole: Int) -> TokenUsage {
        TokenUsage(
            inputTokens: inputTokens.share(part, of: whole), outputTokens: outputTokens.share(part, of: whole),
            flops: flops.share(part, of: whole))
    }

    /// Returns the usage if the texts were sent in one question together: the marker tokens occur only once then.
    public func joined(texts: Int) -> TokenUsage {
        var joined = self
        joined.inputTokens = Swift.max(0, inputTokens - Self.marksPerText * Int64(texts))
        return joined
    }

    public static let zero = TokenUsage(inputTokens: 0, flops: 0)

    /// Saturates, as amounts of money do.
    public static func + (left: TokenUsage, right: TokenUsage) -> TokenUsage {
        TokenUsage(
            inputTokens: left.inputTokens.addingSaturated(right.inputTokens),
            outputTokens: left.outputTokens.addingSaturated(right.outputTokens),
            flops: left.flops.addingSaturated(right.flops))
    }
}
