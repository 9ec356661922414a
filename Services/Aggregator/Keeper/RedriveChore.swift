import Contracts
import Delivery
import MessageBus
import Store

/// Emits the open steps of requests that make no progress again: a broker may lose data, and Postgres holds all that is
/// needed.
///
/// A request whose record still waits in front of a consumer group is left alone, however long that takes: another copy
/// would only lengthen the queue. The others wait twice as long after each re-drive, up to eight times the interval.
struct RedriveChore: Chore {
    let name = "redrives"
    let interval: Duration
    let store: any RequestStore
    let backlog: any BacklogReader
    let batch: RequestBatch
    let emissions: Wake
    let settings: KeeperSettings
    let now: @Sendable () -> Timestamp

    /// The interval is doubled so many times at most.
    private static let mostDoublings = 3

    func work() async throws -> ChoreRound {
        let time = now()
        let stalled = try await store.stalled(
            now: time, since: time.adding(milliseconds: -settings.redriveAfter(.interactive)),
            bulkSince: time.adding(milliseconds: -settings.redriveAfter(.bulk)), limit: settings.limit)
        guard !stalled.isEmpty else { return .nothing }
        var queues = Queues(backlog: backlog)
        let handled = try await batch.handle(stalled) { requests in
            let snapshots = try await store.update(requests) { _ in [] }.filter { !$0.state.isFinal }
            var waiting: [Lane: [Request.ID]] = [:]
            var lost: [Request.ID] = []
            for snapshot in snapshots {
                if try await queues.hold(snapshot) {
                    waiting[snapshot.lane, default: []].append(snapshot.id)
                } else {
                    lost.append(snapshot.id)
                }
            }
            for (lane, requests) in waiting {
                try await store.postponeRedrive(
                    of: requests, until: time.adding(milliseconds: settings.redriveAfter(lane)))
            }
            try await redrive(lost, at: time)
            return requests.count
        }
        return ChoreRound(handled: handled, hasMore: handled == settings.limit)
    }

    private func redrive(_ requests: [Request.ID], at time: Timestamp) async throws {
        guard !requests.isEmpty else { return }
        let settings = settings
        _ = try await store.update(requests) { snapshots in
            snapshots.filter { !$0.state.isFinal }.map { snapshot in
                var progress = RequestProgress(snapshot, now: time)
                var change = progress.change()
                let doublings = min(snapshot.redrives + 1, Self.mostDoublings)
                change.redriveAt = time.adding(milliseconds: settings.redriveAfter(snapshot.lane) << Int64(doublings))
                change.owed = [.state]
                return change
            }
        }
        emissions.call()
    }
}

/// What waits in the queues that a request's records go through, read once a round.
private struct Queues {
    let backlog: any BacklogReader
    private var known: [String: Backlog] = [:]

    init(backlog: any BacklogReader) { self.backlog = backlog }

    /// Whether a record that was written for the request at its last emission, or because of that one, still waits.
    mutating func hold(_ snapshot: RequestSnapshot) async throws -> Bool {
        let key = Array(snapshot.id.description.utf8)
        for (topic, service) in queues(of: snapshot) {
            if known[topic] == nil {
                let group = ConsumerGroup.name(of: snapshot.lane.loop(of: service))
                known[topic] = try await backlog.oldestWaiting(in: topic, of: group)
            }
            if known[topic]?.holds(key, since: snapshot.progressedAt) == true { return true }
        }
        return false
    }

    private func queues(of snapshot: RequestSnapshot) -> [(topic: String, service: String)] {
        let lane = snapshot.lane
        let capabilities = Set(
            snapshot.steps.lazy.filter { $0.state == .dispatched && $0.route != .decomposition }.map(\.route.capability)
        )
        return capabilities.map { (Topic.steps($0, lane), "\($0)-worker") }
            + [(Topic.escalations(lane), "escalator"), (Topic.outcomes(lane), "aggregator")]
    }
}
