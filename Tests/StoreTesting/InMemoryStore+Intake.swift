import Contracts
import Store
import Synchronization

extension InMemoryStore: SubmissionQueue, TenantRegister {
    struct Waiting {
        var submission: Submission
        var submittedAt = Timestamp.now
        var takenAt: Timestamp?

        /// Whether the request is cancelled or past its deadline, and therefore takes no turn.
        func isOver(at time: Timestamp) -> Bool {
            takenAt == nil && (submission.isCancelled || submission.deadline.map { $0 <= time } ?? false)
        }
    }

    public func submit(_ submissions: [Submission]) async throws -> Set<Int> {
        state.withLock { state in
            var refused: Set<Int> = []
            for (place, submission) in submissions.enumerated() {
                guard let index = state.submissions.firstIndex(where: { $0.submission.key == submission.key }) else {
                    state.submissions.append(Waiting(submission: submission))
                    continue
                }
                if state.submissions[index].submission.body == submission.body {
                    state.submissions[index].takenAt = nil
                } else {
                    refused.insert(place)
                }
            }
            return refused
        }
    }

    public func submitAgain(_ submissions: [Submission], answeredBefore instant: Timestamp) async throws {
        let lost = state.withLock { state in
            submissions.filter { submission in
                guard let request = state.events[submission.key].flatMap({ state.requests[$0] }) else { return false }
                return request.state.isFinal && request.completedAt.map { $0 < instant } ?? false
            }
        }
        _ = try await submit(lost)
    }

    public func accept(
        _ arrivals: [Arrival], parking: [Parking]
    ) async throws -> (accepted: [Acceptance], parked: [Parking.Verdict]) {
        try state.withLock { state in
            let accepted = try state.accept(arrivals)
            return (accepted, parking.map { state.park($0) })
        }
    }

    public func waiting(
        of tenants: [TenantID], in lane: Lane, atMost limits: WaitingLimits
    ) async throws -> WaitingCount {
        state.withLock { state in
            let waiting = state.submissions.filter { $0.submission.lane == lane && $0.takenAt == nil }
                .map(\.submission.tenant)
            let counts = tenants.map { tenant in (tenant, min(limits.ofTenant, waiting.count { $0 == tenant })) }
            return WaitingCount(
                tenants: Dictionary(counts) { first, _ in first }, all: min(limits.ofAll, waiting.count))
        }
    }

    public func occupancy(of tenants: [TenantID], _ turn: SubmissionTurn) async throws -> Occupancy {
        state.withLock { $0.occupancy(of: tenants, turn) }
    }

    public func next(_ turn: SubmissionTurn) async throws -> [Submission] {
        state.withLock { state in
            var turns = FairShare(state.occupancy(of: [], turn), window: turn.window, share: turn.share)
            var open = turns.next(limit: turn.limit)
            let taken = state.submissions.indices.filter { index in
                let waiting = state.submissions[index]
                guard waiting.submission.lane == turn.lane else { return false }
                if let takenAt = waiting.takenAt { return takenAt < turn.resendBefore }
                if waiting.isOver(at: turn.now) { return true }
                guard let left = open[waiting.submission.tenant], left > 0 else { return false }
                open[waiting.submission.tenant] = left - 1
                return true
            }
            for index in taken { state.submissions[index].takenAt = turn.now }
            return taken.map { state.submissions[$0].submission }
        }
    }

    public func forget(_ events: [EventKey]) async throws {
        let keys = Set(events)
        state.withLock { state in
            state.submissions.removeAll { $0.takenAt != nil && keys.contains($0.submission.key) }
        }
    }

    public func cancelWaiting(
        _ eventID: EventID, of tenant: TenantID?, at time: Timestamp
    ) async throws -> [TenantID] {
        state.withLock { state in
            let found = state.submissions.indices.filter { index in
                let waiting = state.submissions[index]
                return waiting.submission.eventID == eventID && waiting.takenAt == nil
                    && (tenant == nil || waiting.submission.tenant == tenant)
            }
            if found.count == 1 { state.submissions[found[0]].submission.isCancelled = true }
            return found.map { state.submissions[$0].submission.tenant }
        }
    }

    public func setWeight(_ weight: Int, of tenant: TenantID) async throws {
        state.withLock { $0.weights[tenant] = weight }
    }
}

extension InMemoryStore.State {
    fileprivate mutating func park(_ parking: Parking) -> Parking.Verdict {
        let submission = parking.submission
        switch known(submission.key, parking.origin) {
        case .some(let known) where known.kind == .redelivered: return .redelivered(known.snapshot)
        case .some(let known) where known.kind == .reused: return .reused
        default: break
        }
        if let waiting = submissions.first(where: { $0.submission.key == submission.key }) {
            return waiting.submission.body == submission.body ? .waits : .reused
        }
        guard !parking.isRefused else { return .refused }
        submissions.append(.init(submission: submission))
        return .waits
    }

    fileprivate func occupancy(of tenants: [TenantID], _ turn: SubmissionTurn) -> Occupancy {
        var occupancy = Occupancy()
        func change(_ tenant: TenantID, _ body: (inout Occupancy.Tenant) -> Void) {
            body(&occupancy.tenants[tenant, default: .init(weight: weights[tenant] ?? 1)])
        }
        for tenant in tenants { change(tenant) { _ in } }
        for request in requests.values where request.state == .open && request.lane == turn.lane {
            change(request.tenant) { $0.underWay += 1 }
        }
        for waiting in submissions where waiting.submission.lane == turn.lane {
            change(waiting.submission.tenant) { member in
                if let takenAt = waiting.takenAt {
                    if takenAt >= turn.resendBefore { member.underWay += 1 }
                } else if !waiting.isOver(at: turn.now) {
                    member.waiting = min(turn.limit, member.waiting + 1)
                    member.waitingSince = member.waitingSince ?? waiting.submittedAt
                }
            }
        }
        return occupancy
    }
}

extension InMemoryStore: TenantTopicRegister {
    public func giveOwnTopics(to tenant: TenantID) async throws {
        state.withLock { state in
            state.ownTopics.insert(tenant)
            state.markOwnTopics(of: tenant, true)
        }
    }

    public func takeOwnTopics(from tenant: TenantID) async throws -> Bool {
        state.withLock { state in
            state.markOwnTopics(of: tenant, false)
            return state.ownTopics.remove(tenant) != nil
        }
    }

    public func tenantsWithOwnTopics() async throws -> Set<TenantID> { state.withLock(\.ownTopics) }
}

extension InMemoryStore.State {
    fileprivate mutating func markOwnTopics(of tenant: TenantID, _ hasOwnTopics: Bool) {
        for (id, request) in requests where request.tenant == tenant { requests[id]?.hasOwnTopics = hasOwnTopics }
    }
}

extension InMemoryStore: CancellationQueue {
    public func requestCancellation(of requests: [Request.ID], at time: Timestamp) async throws {
        cancellations.withLock { known in
            for request in requests where known[request] == nil { known[request] = time }
        }
    }

    public func requestedCancellations(limit: Int) async throws -> [Request.ID] {
        cancellations.withLock { known in
            known.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(max(0, limit)).map(\.key)
        }
    }

    public func forgetCancellations(of requests: [Request.ID]) async throws {
        cancellations.withLock { known in
            for request in requests { known[request] = nil }
        }
    }
}

extension InMemoryStore: EmissionOutbox {
    public func owedEmissions(limit: Int) async throws -> [OwedEmission] {
        state.withLock { Array($0.owed.prefix(max(0, limit))) }
    }

    public func forgetEmissions(_ emissions: [OwedEmission]) async throws {
        let ids = Set(emissions.map(\.id))
        state.withLock { state in state.owed.removeAll { ids.contains($0.id) } }
    }
}

extension InMemoryStore.State {
    mutating func owe(_ emissions: [(request: Request.ID, kind: OwedEmission.Kind)]) {
        for (request, kind) in emissions {
            lastOwed += 1
            owed.append(OwedEmission(id: lastOwed, request: request, kind: kind))
        }
    }
}

extension InMemoryStore: InstanceRegister {
    public func note(_ instances: [Instance]) async throws {
        register.withLock { known in
            for instance in instances where known[instance.id]?.beatAt ?? instance.beatAt <= instance.beatAt {
                known[instance.id] = instance
            }
        }
    }

    public func forgetInstances(silentSince instant: Timestamp) async throws {
        register.withLock { known in known = known.filter { $0.value.beatAt >= instant } }
    }

    public func instances() async throws -> [Instance] {
        register.withLock { $0.values.sorted { $0.id < $1.id } }
    }
}

extension InMemoryStore: BudgetRegister {
    struct BudgetKey: Hashable {
        var tenant: TenantID
        var period: Budget.Period
    }

    public func setBudget(_ budget: Budget) async throws {
        state.withLock { $0.budgets[BudgetKey(tenant: budget.tenant, period: budget.period)] = budget }
    }

    public func removeBudget(of tenant: TenantID, _ period: Budget.Period) async throws -> Bool {
        state.withLock { $0.budgets.removeValue(forKey: BudgetKey(tenant: tenant, period: period)) != nil }
    }

    public func reserve(
        _ calls: [(entry: LedgerEntry, question: QuestionDigest)], _ begin: @escaping Begin
    ) async throws -> [Reservation] {
        let instant = now()
        let begun = try calls.map { try begin($0.entry, instant) }
        return state.withLock { state in
            var room = BudgetRoom(state.budgets.values.map { (budget: $0, spent: state.spent(of: $0, at: instant)) })
            for call in begun { state.abandon(before: call) }
            let reservations: [Reservation] = zip(begun, calls).map { call, asked in
                if let answers = state.paid[call.step]?[asked.question] { return .answered(answers) }
                return room.reserve(call).map { .refused($0) } ?? .started(state.start(call))
            }
            state.sumFinalRequests(begun)
            return reservations
        }
    }
}

extension InMemoryStore.State {
    fileprivate func spent(of budget: Budget, at instant: Timestamp) -> PicoDollars {
        ledger.values.joined().filter {
            $0.tenant == budget.tenant && $0.attempt.kind == .full
                && budget.period.covers($0.attempt.startedAt, and: instant)
        }.reduce(.zero) { $0 + $1.cost }
    }
}

extension Budget.Period {
    /// Whether both instants are in the same hour, day or month (UTC).
    fileprivate func covers(_ instant: Timestamp, and other: Timestamp) -> Bool {
        // Timestamps have the form 2026-11-29T22:25:18Z.
        let length =
            switch self {
            case .hour: 13
            case .day: 10
            case .month: 7
            }
        return instant.rfc3339.prefix(length) == other.rfc3339.prefix(length)
    }
}
