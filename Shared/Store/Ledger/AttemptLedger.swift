import Contracts

/// The escalator's part of the ledger: a call is a row before it is made, and settled after.
///
/// The totals of a final request always equal the sum of its rows: every method sums them again where it changes a row.
public protocol AttemptLedger: Sendable {
    /// Gives a call its instant and its price.
    ///
    /// The instant is the one of the transaction that writes the row. What a budget has left, the hour in which a call is
    /// counted and its price all go by it, whatever the clock of the caller says.
    typealias Begin = @Sendable (LedgerEntry, Timestamp) throws -> LedgerEntry

    /// Numbers and writes one `started` row a call, at its reserved price, in one transaction. An earlier `started` row
    /// of the same step whose process died becomes `unknown` and keeps its price; the new call is an attempt of its own.
    /// - Returns: the entries in the order given, with their numbers.
    /// - Throws: `StoreError`; whatever `begin` throws, and then nothing is written.
    func start(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [LedgerEntry]

    /// The same for calls that tenants pay for, as far as their budgets have room: check and reservation are one
    /// transaction, so that no number of processes spends more than a limit.
    /// - Returns: in the order given.
    /// - Throws: `StoreError`; whatever `begin` throws, and then nothing is written.
    func reserve(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [Reservation]

    /// Writes what the calls really were; the key is (step, number).
    func settle(_ entries: [LedgerEntry]) async throws
}

/// An attempt of a step, with its price: one row of the ledger.
public struct LedgerEntry: Sendable, Equatable {
    public var step: Step.ID
    public var tenant: TenantID
    public var route: Route
    public var attempt: Attempt
    public var cost: PicoDollars
    /// What the full model alone would have cost for the items that were answered, asked item by item.
    public var counterfactualCost: PicoDollars
    /// The same, asked once for the whole request: this call's part of it.
    public var onceCost: PicoDollars
    /// Of a call of the full model: items of which the small model's answer is known, and of which it is the same.
    public var guesses = Guesses()

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
    /// What a request has cost; a check in the background is not its own.
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
    /// The snapshot as it is stored: one that arrives final has its ledger summed, an open one has none yet.
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

/// What the full model alone would have been paid for, had it been asked in place of a call: the items that were answered.
///
/// A failed step, a refusal and a degraded answer save nothing, for nobody would have paid for them. A call says how many
/// tokens it read and not how they spread over its items, so parts are taken by bytes of text.
public struct Credit: Sendable, Equatable {
    /// Of all items. - Units: bytes.
    private let all: Int
    /// Of the items that were answered.
    private let answered: Int
    /// Of those, the ones that no earlier step of the request holds: asked once for all, the full model reads a text once.
    private let once: Int
    private let onceTexts: Int

    public static let none = Credit(all: 0, answered: 0, once: 0, onceTexts: 0)

    private init(all: Int, answered: Int, once: Int, onceTexts: Int) {
        self.all = all
        self.answered = answered
        self.once = once
        self.onceTexts = onceTexts
    }

    /// - Parameter request: whose step it is.
    public init(of step: Step, in request: RequestSnapshot) {
        guard step.state == .answered else {
            self = .none
            return
        }
        // An item that was routed stands in the routing, too, which gives no answer to it.
        let earlier = request.steps.lazy.filter { $0.ordinal < step.ordinal && $0.route != .decomposition }
        let read = earlier.reduce(into: Set<Place>()) { $0.formUnion($1.items.lazy.map(Place.init)) }
        var (all, answered, once, onceTexts) = (0, 0, 0, 0)
        for (index, item) in step.items.enumerated() {
            // An empty text is read, too.
            let size = item.text.utf8.count + 1
            all += size
            guard step.answers.indices.contains(index), let answer = step.answers[index], !answer.isDegraded else {
                continue
            }
            answered += size
            guard !read.contains(Place(item)) else { continue }
            once += size
            onceTexts += 1
        }
        self.init(all: all, answered: answered, once: once, onceTexts: onceTexts)
    }

    /// What makes two items the same piece of text.
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

    /// What the answered items would have taken, asked one by one.
    func byItem(_ whole: TokenUsage) -> TokenUsage { whole.share(answered, of: all) }

    /// What they add to one question for the whole request.
    func asOne(_ whole: TokenUsage) -> TokenUsage { whole.share(once, of: all).joined(texts: onceTexts) }
}
