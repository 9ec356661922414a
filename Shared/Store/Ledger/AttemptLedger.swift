import Contracts

/// The escalator's view of the ledger. A call has a row before it is made, and is settled afterwards.
///
/// The totals of a final request always equal the sum of its rows: every method that changes a row sums them again.
public protocol AttemptLedger: Sendable {
    /// Sets the instant and the price of a call.
    ///
    /// The instant is that of the transaction that writes the row. It determines the remaining budget, the hour in
    /// which a call is counted and its price. The caller's clock is not used.
    typealias Begin = @Sendable (LedgerEntry, Timestamp) throws -> LedgerEntry

    /// Numbers the calls and writes one `started` row per call at its reserved price, in one transaction. An earlier
    /// `started` row of the same step, whose process died, becomes `unknown` and keeps its price. The new call is a
    /// separate attempt.
    /// - Returns: the entries with their numbers, in the given order.
    /// - Throws: `StoreError`, or the error that `begin` throws. Nothing is written in either case.
    func start(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [LedgerEntry]

    /// Does the same for calls that tenants pay for. Those of the full model are made as long as budgets allow it. The check and the reservation
    /// are one transaction, so that concurrent processes cannot exceed a limit. A question whose answer is kept is not
    /// paid for again, whatever the budget.
    /// - Returns: the reservations in the given order.
    /// - Throws: `StoreError`, or the error that `begin` throws. Nothing is written in either case.
    func reserve(
        _ calls: [(entry: LedgerEntry, question: QuestionDigest)], _ begin: @escaping Begin
    ) async throws -> [Reservation]

    /// Finds out what earlier deliveries of steps have left. A `started` row of the same kind, whose process died, becomes
    /// `unknown` and keeps its price. Called once before the first of several calls of a step, which are then
    /// `LedgerEntry.isOneOfSeveral`.
    /// - Returns: the kept answers, in the order of the questions; `nil` for a question that was not paid for.
    func recover(
        _ questions: [(step: Step.ID, question: QuestionDigest)], of kind: Attempt.Kind
    ) async throws -> [[Answer]?]

    /// Writes the actual usage of the calls, and keeps their answers in the same transaction. The key of a row is
    /// (step, number). Answers of a request whose payload is erased are not kept.
    func settle(_ entries: [LedgerEntry], keeping answers: [PaidAnswer]) async throws

    /// Reads the ledger rows of a request, ordered by step and number.
    func ledger(of request: Request.ID) async throws -> [LedgerEntry]
}

extension AttemptLedger {
    /// Settles calls that have no answers to keep.
    public func settle(_ entries: [LedgerEntry]) async throws { try await settle(entries, keeping: []) }
}

/// Identifies what a call asks a model about a step. A kept answer is only given to the same question.
public struct QuestionDigest: Sendable, Hashable {
    /// The SHA-256 of the items, and of the kind of the call if it is not one of the full model.
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// An answer that the ledger has a settled call for.
///
/// It is kept as long as the request's steps, because a copy of a step may arrive after the request is final.
/// - Source: infra/decisions/0043-paid-answers.md
public struct PaidAnswer: Sendable, Equatable {
    public var step: Step.ID
    public var question: QuestionDigest
    /// One answer per item of the question.
    public var answers: [Answer]

    public init(step: Step.ID, question: QuestionDigest, answers: [Answer]) {
        self.step = step
        self.question = question
        self.answers = answers
    }
}

/// An attempt of a step with its price: one row of the ledger.
public struct LedgerEntry: Sendable, Equatable {
    public var step: Step.ID
    public var tenant: TenantID
    public var route: Route
    public var attempt: Attempt
    public var cost: PicoDollars
    /// The cost of the full model alone for the answered items, with one question per item.
    public var counterfactualCost: PicoDollars
    /// This call's part of the same cost with a single question for the whole request.
    public var onceCost: PicoDollars
    /// For a call of the full model: for how many items the small model's answer is known, and for how many it agrees.
    public var guesses = Guesses()
    /// Whether other calls of the step may be under way in this process, so that a `started` row proves no crash. Not
    /// stored.
    public var isOneOfSeveral = false

    public struct Guesses: Sendable, Equatable {
        public var known = 0
        public var agreed = 0

        public init(known: Int = 0, agreed: Int = 0) { (self.known, self.agreed) = (known, agreed) }
    }

    public init(
        step: Step.ID, tenant: TenantID, route: Route, attempt: Attempt, cost: PicoDollars,
        counterfactualCost: PicoDollars, onceCost: PicoDollars = .zero
    ) {
        self.step = step
        self.tenant = tenant
        self.route = route
        self.attempt = attempt
        self.cost = cost
        self.counterfactualCost = counterfactualCost
        self.onceCost = onceCost
    }
}

extension LedgerTotals {
    /// The cost of a request. Background comparisons are not part of it.
    package static func sum(_ entries: some Sequence<LedgerEntry>) -> LedgerTotals {
        entries.reduce(into: .zero) { totals, entry in
            guard entry.attempt.kind != .shadow else { return }
            totals.usage = totals.usage + entry.attempt.usage
            totals.cost += entry.cost
            totals.counterfactualUsage = totals.counterfactualUsage + entry.attempt.counterfactual
            totals.counterfactualCost += entry.counterfactualCost
        }
    }
}

extension Arrival {
    /// The snapshot as it is stored. A request that is final on arrival has its ledger summed; an open one has no
    /// totals yet.
    package var stored: RequestSnapshot {
        var stored = snapshot
        guard snapshot.state.isFinal else {
            stored.totals = .zero
            return stored
        }
        stored.totals = .sum(entries)
        stored.completedAt = snapshot.progressedAt
        stored.resultCost = ResultCost(totals: stored.totals, isFinal: true)
        return stored
    }
}

/// The part of a call that the full model alone would have been paid for: the items that were answered.
///
/// A failed step, a refusal and a degraded answer save nothing, since no one would have paid for them. Nor does an answer
/// to a text that was taken from a degraded one: the full model alone would have been asked about another text. A call
/// reports its tokens only in total, so the parts are estimated from the bytes of text.
public struct Credit: Sendable, Equatable {
    /// The size of all items. - Units: bytes.
    private let all: Int
    /// The size of the answered items.
    private let answered: Int
    /// The size of the answered items that occur in no earlier step of the request. In a single question for the whole
    /// request, the full model would read each text once, and would not read what it has written itself: a text that is
    /// taken from an answer.
    private let once: Int
    private let onceTexts: Int

    public static let none = Credit(all: 0, answered: 0, once: 0, onceTexts: 0)

    private init(all: Int, answered: Int, once: Int, onceTexts: Int) {
        self.all = all
        self.answered = answered
        self.once = once
        self.onceTexts = onceTexts
    }

    /// - Parameter request: the request that contains the step.
    public init(of step: Step, in request: RequestSnapshot) {
        guard step.state == .answered else {
            self = .none
            return
        }
        let earlier = request.steps.lazy.filter { $0.ordinal < step.ordinal && !$0.route.expandsPlan }
        let read = earlier.reduce(into: Set<Place>()) { read, step in
            read.formUnion(step.items.lazy.filter { $0.from == nil }.map(Place.init))
        }
        var (all, answered, once, onceTexts) = (0, 0, 0, 0)
        for (index, item) in step.items.enumerated() {
            let answer = step.answers.indices.contains(index) ? step.answers[index] : nil
            // No model was asked, so no attempt counts the item.
            if answer?.isInUnsupportedLanguage == true { continue }
            // Adds 1 so that an empty text counts too.
            let size = item.text.utf8.count + 1
            all += size
            guard let answer, !answer.isDegraded, !request.restsOnDegraded(item) else { continue }
            answered += size
            guard item.from == nil, !read.contains(Place(item)) else { continue }
            once += size
            onceTexts += 1
        }
        self.init(all: all, answered: answered, once: once, onceTexts: onceTexts)
    }

    /// Identifies a piece of text. Two items with the same place are the same text.
    private struct Place: Hashable {
        let text: ExactText
        let span: Item.Span?
        let source: ExactText?

        init(_ item: Item) {
            text = ExactText(item.text)
            span = item.span
            source = item.source.map { ExactText($0) }
        }
    }

    /// The usage for the answered items with one question per item.
    func byItem(_ whole: TokenUsage) -> TokenUsage { whole.share(answered, of: all) }

    /// The additional usage for these items in a single question for the whole request.
    func asOne(_ whole: TokenUsage) -> TokenUsage { whole.share(once, of: all).joined(texts: onceTexts) }
}

extension RequestSnapshot {
    /// Whether the item's text was taken from a degraded answer, or from an answer that rests on one.
    fileprivate func restsOnDegraded(_ item: Item) -> Bool {
        guard let reference = item.from, let index = reference.item,
            let step = steps.first(where: { $0.ordinal == reference.step }), step.items.indices.contains(index)
        else { return false }
        let answer = step.answers.indices.contains(index) ? step.answers[index] : nil
        return answer?.isDegraded == true || restsOnDegraded(step.items[index])
    }
}
