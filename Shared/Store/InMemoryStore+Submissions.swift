import Contracts
import Synchronization

extension InMemoryStore: SubmissionQueue, TenantRegister {
    struct Waiting {
        var submission: Submission
        var submittedAt = Timestamp.now
        var takenAt: Timestamp?

        /// Cancelled, or past its deadline: it takes no turn.
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
            var turns = Turns(state.occupancy(of: [], turn), window: turn.window, share: turn.share)
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
