import Contracts
import MessageBus
import Planning
import Store
import Telemetry

/// Expires requests whose deadline has passed.
struct DeadlineChore: Chore {
    let name = "deadlines"
    let interval: Duration
    let store: any RequestStore
    let batch: RequestBatch
    let emissions: Wake
    let limit: Int
    let now: @Sendable () -> Timestamp

    func work() async throws -> ChoreRound {
        let time = now()
        let due = try await store.pastDeadline(at: time, limit: limit)
        let handled = try await batch.handle(due) { requests in
            try await store.end(requests, at: time, owing: [.state]) { $0.expire() }.count
        }
        if handled > 0 { emissions.call() }
        return ChoreRound(handled: handled, hasMore: handled == limit)
    }
}

/// Ends the requests that a client has cancelled.
///
/// The row of the cancellation is deleted last. If the process crashes before that, the next round finds the request
/// final, and its stored emissions are sent all the same.
struct CancellationChore: Chore {
    let name = "cancellations"
    let interval: Duration
    let store: any RequestStore & CancellationQueue
    let batch: RequestBatch
    let emissions: Wake
    let limit: Int
    let now: @Sendable () -> Timestamp

    func work() async throws -> ChoreRound {
        let time = now()
        let wished = try await store.requestedCancellations(limit: limit)
        guard !wished.isEmpty else { return .nothing }
        let handled = try await batch.handle(wished) { requests in
            _ = try await store.end(requests, at: time, owing: [.cancellation, .state]) { $0.cancel() }
            try await store.forgetCancellations(of: requests)
            return requests.count
        }
        emissions.call()
        return ChoreRound(handled: handled, hasMore: handled == limit)
    }
}

extension RequestStore {
    /// Ends those of the requests that are still open. In the same transaction, stores the given emissions, which
    /// `EmissionChore` then sends.
    fileprivate func end(
        _ requests: [Request.ID], at time: Timestamp, owing owed: [OwedEmission.Kind],
        _ end: @escaping @Sendable (inout RequestProgress) -> Void
    ) async throws -> [RequestSnapshot] {
        try await update(requests) { snapshots in
            snapshots.filter { !$0.state.isFinal }.map { snapshot in
                var progress = RequestProgress(snapshot, now: time)
                end(&progress)
                var change = progress.change()
                change.owed = owed
                return change
            }
        }
    }
}

/// Emits the open steps of stalled requests again: their records may have been lost by the broker, and Postgres has all
/// that is needed to write them again.
///
/// A request whose record still waits in a queue is left alone, however long that takes: another copy would only
/// lengthen the queue. For every other request, the interval doubles with each re-drive, up to eight times the first.
struct RedriveChore: Chore {
    let name = "redrives"
    let interval: Duration
    let store: any RequestStore
    let backlog: any BacklogReader
    let catalog: LiveCatalog
    let batch: RequestBatch
    let emissions: Wake
    let settings: KeeperSettings
    let now: @Sendable () -> Timestamp

    /// The maximum number of times that the interval is doubled.
    private static let maximumDoublings = 3

    func work() async throws -> ChoreRound {
        let time = now()
        let stalled = try await store.stalled(
            now: time, since: time.adding(milliseconds: -settings.redriveAfter(.interactive)),
            bulkSince: time.adding(milliseconds: -settings.redriveAfter(.bulk)), limit: settings.limit)
        guard !stalled.isEmpty else { return .nothing }
        var queues = Queues(backlog: backlog, catalog: catalog.current)
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
                let doublings = min(snapshot.redrives + 1, Self.maximumDoublings)
                change.redriveAt = time.adding(milliseconds: settings.redriveAfter(snapshot.lane) << Int64(doublings))
                change.owed = [.state]
                return change
            }
        }
        emissions.call()
    }
}

/// The oldest waiting record of each queue that a request's records pass. Each queue is read once a round.
private struct Queues {
    let backlog: any BacklogReader
    let catalog: Catalog
    private var known: [String: Backlog] = [:]

    init(backlog: any BacklogReader, catalog: Catalog) {
        self.backlog = backlog
        self.catalog = catalog
    }

    /// Returns whether a record of the request may still wait in one of its queues: a record of its last emission, or
    /// one that a service wrote in response.
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
            snapshot.steps.lazy.filter { $0.state == .dispatched && catalog.hasWorker($0.route) }
                .map(\.route.capability))
        return capabilities.map { (Topic.steps($0, lane), "\($0)-worker") }
            + [(Topic.escalations(lane), "escalator"), (Topic.outcomes(lane), "aggregator")]
    }
}

/// Abandons calls of the full model whose process died. They become `unknown` and keep their reserved price.
struct LostCallChore: Chore {
    let name = "lost-calls"
    let interval: Duration
    let store: any RequestStore
    let settings: KeeperSettings
    let logger: Logger

    func work() async throws -> ChoreRound {
        let lost = try await store.abandonCalls(olderThan: settings.abandonAfter, limit: settings.limit)
        guard !lost.isEmpty else { return .nothing }
        logger.notice("Lost calls marked as unknown", metadata: [LogKeys.count: "\(lost.count)"])
        return ChoreRound(handled: lost.count, hasMore: lost.count == settings.limit)
    }
}

/// Handles requests in one transaction. If one of them cannot be read or written, bisects the batch to find it, and
/// skips it, so that it does not block the others.
struct RequestBatch: Sendable {
    let logger: Logger
    let refused: Counter

    init(logger: Logger, metrics: Metrics) {
        self.logger = logger
        refused = metrics.counter(
            "winnow_keeper_refused_requests_total", "Requests that a chore could not handle, counted at each attempt.")
    }

    /// - Returns: the sum of what `body` returned.
    /// - Throws: retriable faults of the store, and every fault that is not the store's.
    func handle(_ requests: [Request.ID], _ body: ([Request.ID]) async throws -> Int) async throws -> Int {
        guard !requests.isEmpty else { return 0 }
        do {
            return try await body(requests)
        } catch let error as StoreError where !error.isRetriable {
            guard requests.count > 1 else {
                refused.increment()
                logger.error(
                    "A request cannot be handled",
                    metadata: [LogKeys.requestID: "\(requests[0])", LogKeys.errorMessage: "\(error)"])
                return 0
            }
            let middle = requests.count / 2
            return try await handle(Array(requests[..<middle]), body) + handle(Array(requests[middle...]), body)
        }
    }
}
