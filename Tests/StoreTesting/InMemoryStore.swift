import Contracts
import Store
import Synchronization

/// The store without a database, for tests and experiments: the same semantics without persistence.
public final class InMemoryStore: RequestStore, AttemptLedger {
    struct State {
        var requests: [Request.ID: RequestSnapshot] = [:]
        var events: [EventKey: Request.ID] = [:]
        var origins: [Request.ID: Origin] = [:]
        var ledger: [Request.ID: [LedgerEntry]] = [:]
        var paid: [Step.ID: [QuestionDigest: [Answer]]] = [:]
        var prices: [Price] = []
        /// In the order of arrival.
        var submissions: [Waiting] = []
        var weights: [TenantID: Int] = [:]
        var budgets: [BudgetKey: Budget] = [:]
        var owed: [OwedEmission] = []
        var lastOwed: Int64 = 0
        var ownTopics: Set<TenantID> = []
    }

    /// Held while a transition decides, so that changes of one request happen one after the other.
    let state = Mutex(State())
    let cancellations = Mutex<[Request.ID: Timestamp]>([:])
    let register = Mutex<[Instance.ID: Instance]>([:])
    let certificates = Mutex(Certificates())
    let shadows = Mutex(Shadows())
    /// In the order of their numbers.
    let catalogs = Mutex<[CatalogVersion]>([])

    /// The clock of the store, which corresponds to the clock of the database.
    let now: @Sendable () -> Timestamp
    private let onFinal: FinalRequestObserver?

    public init(now: @escaping @Sendable () -> Timestamp = { .now }, onFinal: FinalRequestObserver? = nil) {
        self.now = now
        self.onFinal = onFinal
    }

    public func accept(_ arrivals: [Arrival]) async throws -> [Acceptance] {
        let acceptances = try state.withLock { try $0.accept(arrivals) }
        for acceptance in acceptances where acceptance.kind == .new && acceptance.snapshot.state.isFinal {
            onFinal?(acceptance.snapshot)
        }
        return acceptances
    }

    public func known(_ events: [(key: EventKey, origin: Origin)]) async throws -> [Acceptance?] {
        state.withLock { state in events.map { state.known($0.key, $0.origin) } }
    }

    public func update(
        _ requests: [Request.ID], _ transition: @escaping @Sendable ([RequestSnapshot]) throws -> [RequestChange]
    ) async throws -> [RequestSnapshot] {
        let (open, snapshots) = try state.withLock { state -> (Set<Request.ID>, [RequestSnapshot]) in
            let before = Set(requests).sorted().compactMap { state.requests[$0] }
            guard !before.isEmpty else { return ([], []) }
            let changes = try AppliedChanges(transition(before), to: before)
            state.insert(changes.entries)
            state.owe(changes.owed)
            let after = changes.summed { request in
                let rows = state.ledger[request] ?? []
                return (.sum(rows), rows.contains { $0.isOpenCall })
            }
            for snapshot in after { state.requests[snapshot.id] = snapshot }
            return (Set(before.filter { !$0.state.isFinal }.map(\.id)), after)
        }
        for snapshot in snapshots where snapshot.state.isFinal && open.contains(snapshot.id) { onFinal?(snapshot) }
        return snapshots
    }

    public func pastDeadline(at time: Timestamp, limit: Int) async throws -> [Request.ID] {
        state.withLock { state in
            state.requests.values
                .compactMap { request in request.deadline.map { (deadline: $0, request: request) } }
                .filter { $0.request.state == .open && $0.deadline <= time }
                .sorted { ($0.deadline, $0.request.id) < ($1.deadline, $1.request.id) }
                .prefix(max(0, limit)).map(\.request.id)
        }
    }

    public func stalled(
        now: Timestamp, since: Timestamp, bulkSince: Timestamp, limit: Int
    ) async throws -> [Request.ID] {
        state.withLock { state in
            let stalled = state.requests.values.filter { request in
                request.state == .open && request.progressedAt < (request.lane == .bulk ? bulkSince : since)
                    && request.redriveAt ?? now <= now
            }
            return stalled.sorted { ($0.acceptedAt, $0.id) < ($1.acceptedAt, $1.id) }.prefix(max(0, limit)).map(\.id)
        }
    }

    public func postponeRedrive(of requests: [Request.ID], until instant: Timestamp) async throws {
        state.withLock { state in
            for request in requests { state.requests[request]?.redriveAt = instant }
        }
    }

    public func abandonCalls(olderThan age: Duration, limit: Int) async throws -> [Request.ID] {
        let instant = now().adding(milliseconds: -Int64(age / .milliseconds(1)))
        return state.withLock { state in
            let lost = state.ledger.filter { _, rows in rows.contains { $0.isOverdue(instant) } }.keys.sorted()
            for request in lost.prefix(limit) {
                state.ledger[request] = state.ledger[request]?.map { row in
                    var row = row
                    if row.isOverdue(instant) { row.attempt.state = .unknown }
                    return row
                }
            }
            return Array(lost.prefix(limit))
        }
    }

    public func prices() async throws -> [Price] {
        state.withLock { $0.prices }.sorted {
            $0.model == $1.model ? $0.validFrom > $1.validFrom : $0.model < $1.model
        }
    }

    /// Adds prices for models without a price.
    public func registerPrices(_ prices: [Price]) async throws {
        state.withLock { state in
            let known = Set(state.prices.map(\.model))
            for price in prices where !known.contains(price.model) && !state.prices.contains(where: price.isSameRow) {
                state.prices.append(price)
            }
        }
    }

    public func start(_ calls: [LedgerEntry], _ begin: @escaping Begin) async throws -> [LedgerEntry] {
        let instant = now()
        let begun = try calls.map { try begin($0, instant) }
        return state.withLock { state in
            for call in begun { state.abandon(before: call) }
            let started = begun.map { state.start($0) }
            state.sumFinalRequests(started)
            return started
        }
    }

    public func recover(
        _ questions: [(step: Step.ID, question: QuestionDigest)], of kind: Attempt.Kind
    ) async throws -> [[Answer]?] {
        state.withLock { state in
            for question in questions { state.abandon(question.step, kind) }
            return questions.map { state.paid[$0.step]?[$0.question] }
        }
    }

    public func settle(_ entries: [LedgerEntry], keeping answers: [PaidAnswer]) async throws {
        state.withLock { state in
            for answer in answers { state.paid[answer.step, default: [:]][answer.question] = answer.answers }
            for entry in entries {
                state.ledger[entry.step.request]?.removeAll { $0.isSameRow(as: entry) }
                state.insert([entry])
            }
            state.sumFinalRequests(entries)
        }
    }

    public func ledger(of request: Request.ID) async throws -> [LedgerEntry] {
        state.withLock { $0.ledger[request] ?? [] }.sorted {
            ($0.step.ordinal, $0.attempt.number) < ($1.step.ordinal, $1.attempt.number)
        }
    }
}

extension InMemoryStore.State {
    func known(_ key: EventKey, _ origin: Origin) -> Acceptance? {
        guard let id = events[key], let snapshot = requests[id], let stored = origins[id] else { return nil }
        return Acceptance(stored.kind(of: origin), snapshot)
    }

    mutating func accept(_ arrivals: [Arrival]) throws -> [Acceptance] {
        // Checks this before it writes anything, because the call stores all arrivals or none.
        for arrival in arrivals where events[EventKey(arrival.snapshot)] == nil {
            guard requests[arrival.snapshot.id] == nil else {
                throw StoreError(.conflict, "a request's id is taken by another event", isRetriable: false)
            }
        }
        return arrivals.map { arrival in
            let key = EventKey(arrival.snapshot)
            if let known = known(key, arrival.origin) { return known }
            events[key] = arrival.snapshot.id
            origins[arrival.snapshot.id] = arrival.origin
            insert(arrival.entries)
            var stored = arrival.stored
            // The stored row has the current state of the tenant's topics.
            stored.hasOwnTopics = ownTopics.contains(stored.tenant)
            requests[stored.id] = stored
            return Acceptance(.new, arrival.stored)
        }
    }

    mutating func start(_ entry: LedgerEntry) -> LedgerEntry {
        var entry = entry
        entry.attempt.state = .started
        entry.attempt.number = max(entry.attempt.number, lastNumber(of: entry.step) + 1)
        insert([entry])
        return entry
    }

    /// Existing rows do not change.
    fileprivate mutating func insert(_ entries: [LedgerEntry]) {
        for entry in entries where !ledger[entry.step.request, default: []].contains(where: entry.isSameRow) {
            ledger[entry.step.request, default: []].append(entry)
        }
    }

    /// Keeps the totals of final requests equal to the sums of their ledger rows.
    mutating func sumFinalRequests(_ entries: [LedgerEntry]) {
        for request in Set(entries.map(\.step.request)) where requests[request]?.state.isFinal == true {
            requests[request]?.totals = .sum(ledger[request] ?? [])
        }
    }

    mutating func abandon(before entry: LedgerEntry) {
        if !entry.isOneOfSeveral { abandon(entry.step, entry.attempt.kind) }
    }

    mutating func abandon(_ step: Step.ID, _ kind: Attempt.Kind) {
        let rows = ledger[step.request] ?? []
        ledger[step.request] = rows.map { row in
            guard row.step == step, row.attempt.kind == kind, row.attempt.state == .started else { return row }
            var row = row
            row.attempt.state = .unknown
            return row
        }
    }

    fileprivate func lastNumber(of step: Step.ID) -> Int {
        (ledger[step.request] ?? []).filter { $0.step == step }.map(\.attempt.number).max() ?? 0
    }
}

extension LedgerEntry {
    /// A background check does not belong to the request's own cost.
    fileprivate var isOpenCall: Bool { attempt.state == .started && attempt.kind != .shadow }

    fileprivate func isOverdue(_ instant: Timestamp) -> Bool {
        attempt.state == .started && attempt.startedAt < instant
    }

    fileprivate func isSameRow(as other: LedgerEntry) -> Bool {
        step == other.step && attempt.number == other.attempt.number
    }
}

extension Price {
    fileprivate func isSameRow(as other: Price) -> Bool { model == other.model && validFrom == other.validFrom }
}
