/// One model call for a step; always a ledger row, also when it failed.
public struct Attempt: Sendable, Equatable {
    public enum Kind: String, Sendable { case router, worker, full, shadow }

    /// `unknown`: started and never settled because the process died; it keeps its reserved price.
    public enum State: String, Sendable { case started, settled, failed, unknown }

    /// Counts the calls of one step from 1; with the step it identifies the row.
    public var number: Int
    public var kind: Kind
    public var state: State
    public var model: String
    public var version: String
    public var items: Int
    public var usage: TokenUsage
    /// Units: microseconds of wall clock, the step's share where items of several steps were computed together.
    public var durationMicros: Int64
    public var startedAt: Timestamp
    /// The full model's price for the same items; 0 for a call that the full-model-only world would not make.
    public var counterfactual: TokenUsage
    public var error: String?

    public init(
        number: Int, kind: Kind, state: State = .settled, model: String, version: String, items: Int,
        usage: TokenUsage, durationMicros: Int64, startedAt: Timestamp, counterfactual: TokenUsage = .zero,
        error: String? = nil
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
    }
}
