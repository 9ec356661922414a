import Contracts
import Synchronization

extension InMemoryStore: SubmissionQueue {
    struct Waiting {
        var submission: Submission
        var sentAt: Timestamp?

        var key: EventKey { EventKey(tenant: submission.tenant, eventID: submission.eventID) }
    }

    public func submit(_ submissions: [Submission]) async throws {
        state.withLock { state in
            for submission in submissions {
                let waiting = Waiting(submission: submission)
                if let index = state.submissions.firstIndex(where: { $0.key == waiting.key }) {
                    state.submissions[index].sentAt = nil
                } else {
                    state.submissions.append(waiting)
                }
            }
        }
    }

    public func next(_ turn: SubmissionTurn) async throws -> [Submission] {
        state.withLock { state in
            let accepted = state.events
            state.submissions.removeAll { $0.sentAt != nil && accepted[$0.key] != nil }
            let underWay = state.submissions.count {
                $0.submission.lane == turn.lane && ($0.sentAt ?? turn.now) >= turn.resendBefore && $0.sentAt != nil
            }
            let open = state.requests.values.count { $0.state == .open && $0.lane == turn.lane }
            var places: [TenantID: Int] = [:]
            let waiting = state.submissions.indices.compactMap { index -> (index: Int, place: Int)? in
                let waiting = state.submissions[index]
                guard waiting.submission.lane == turn.lane else { return nil }
                guard let sentAt = waiting.sentAt else {
                    places[waiting.submission.tenant, default: 0] += 1
                    return (index, places[waiting.submission.tenant] ?? 0)
                }
                return sentAt < turn.resendBefore ? (index, 0) : nil
            }
            let most = max(0, min(turn.limit, turn.window - open - underWay))
            let taken = waiting.sorted { ($0.place, $0.index) < ($1.place, $1.index) }.prefix(most)
            for (index, _) in taken { state.submissions[index].sentAt = turn.now }
            return taken.map { state.submissions[$0.index].submission }
        }
    }
}
