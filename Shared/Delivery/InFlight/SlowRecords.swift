import Lifecycle
import MessageBus
import Telemetry

/// Handles slow records beside each other, commits the offsets below the lowest open one, and lets partitions go when
/// they are revoked.
///
/// The loop polls on meanwhile. Slow records do not pass the lane gate: it shares out processor time, and they wait for
/// a server. They run on the cooperative pool, so that a model that computes on the lane's thread does not delay them.
/// - Source: infra/decisions/0052-records-in-flight.md
struct SlowRecords: Sendable {
    let inFlight: InFlightRecords
    let consumer: any MessageConsumer
    let delivery: RecordDelivery
    let waits: LaneWaits

    private var limits: InFlightLimits { inFlight.limits }

    /// Runs the loop's polling, and beside it what the records in flight need.
    /// - Throws: the first error of the polling, of a record or of a commit.
    func run(beside polling: @escaping @Sendable () async throws -> Void) async throws {
        let (revocations, revoked) = AsyncStream.makeStream(of: (PartitionRevocation, tasks: [Int: Int]).self)
        consumer.onRevocation { revocation in
            let tasks = inFlight.revoke(revocation)
            // Usually nothing is in flight, and the rebalance goes on at once.
            guard !tasks.isEmpty || inFlight.hasDue(revocation.partitions) else {
                inFlight.forget(revocation.partitions)
                return revocation.complete()
            }
            revoked.yield((revocation, tasks))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await polling() }
            group.addTask(executorPreference: globalConcurrentExecutor) { try await followChanges() }
            group.addTask(executorPreference: globalConcurrentExecutor) {
                try await withThrowingDiscardingTaskGroup { group in
                    for await (revocation, tasks) in revocations {
                        group.addTask { try await giveUp(revocation, tasks) }
                    }
                }
            }
            group.addTask(executorPreference: globalConcurrentExecutor) {
                await inFlight.wait { $0.hasFailed }
                if let failure = inFlight.failure { throw failure }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Handles the record of this token, and once more if it is delivered again after it was abandoned.
    func handle(_ token: InFlightRecords.Token) async {
        var token = token
        while let (record, cancelled) = await inFlight.begin(token) {
            let isDone = await handle(record, cancelled)
            guard let next = inFlight.end(token, isDone: isDone) else { return }
            token = next
        }
    }

    /// - Returns: whether everything that the record requires is emitted.
    private func handle(_ record: Record, _ cancelled: AsyncStream<Void>) async -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            guard let emitted = try await deliver(record, cancelled) else { return false }
            delivery.metrics.processed(1, emitted: emitted, took: clock.now - start)
            return true
        } catch is CancellationError {
            return false
        } catch {
            inFlight.fail(error)
            return false
        }
    }

    private func deliver(_ record: Record, _ cancelled: AsyncStream<Void>) async throws -> Int? {
        enum Ended { case delivery(Int?), cancellation }
        return try await withThrowingTaskGroup(of: Ended.self) { group in
            group.addTask {
                FaultPoint.beforeApply.reached(by: delivery.service)
                var retryBudget = RetryBudget(delivery.policy)
                return .delivery(try await delivery.deliver([record], &retryBudget))
            }
            group.addTask {
                for await _ in cancelled {}
                return .cancellation
            }
            while let ended = try await group.next() {
                group.cancelAll()
                if case .delivery(let emitted) = ended { return emitted }
            }
            return nil
        }
    }

    /// If the records in flight are at their bound, waits for room. After `time` the partitions are paused instead, and
    /// the loop polls on, so that the member stays in its group. `followChanges` resumes them.
    func makeRoom(pausingAfter time: Duration) async {
        guard await !inFlight.waitForRoom(upTo: time), inFlight.hold() else { return }
        await waits.pause()
    }

    /// Resumes the partitions when there is room, and commits. Several records that end together are one commit.
    private func followChanges() async throws {
        for await _ in inFlight.changes() {
            if inFlight.endHold() { await waits.resume() }
            guard try await commit() else { break }
        }
        // The service is shutting down. `stop` ends this task.
        await inFlight.wait { _ in false }
    }

    /// - Returns: `false` if the service shut down while the broker was unavailable.
    @discardableResult
    private func commit() async throws -> Bool {
        var positions = inFlight.beginCommit()
        while positions == nil {
            guard await inFlight.wait(until: { !$0.isCommitting }) else { throw CancellationError() }
            positions = inFlight.beginCommit()
        }
        guard let positions, !positions.isEmpty else { return true }
        var committed: [CommitPosition] = []
        defer { inFlight.endCommit(committed) }
        FaultPoint.beforeOffsetCommit.reached(by: delivery.service)
        var retryBudget = RetryBudget(delivery.policy)
        let done: Void? = try await delivery.untilItWorks(&retryBudget) { try await consumer.commit(positions) }
        if done != nil { committed = positions }
        return done != nil
    }

    /// Waits for the records of revoked partitions, commits them and gives the partitions up. The other partitions go
    /// on meanwhile.
    private func giveUp(_ revocation: PartitionRevocation, _ tasks: [InFlightRecords.Token: Int]) async throws {
        await inFlight.wait(upTo: limits.grace) { $0.isOver(tasks) }
        inFlight.cancel(tasks)
        if !revocation.isLost {
            try await commit()
            inFlight.forget(revocation.partitions)
        }
        revocation.complete()
    }

    /// Called when the loop polls no more. Waits for the records in flight, and commits.
    /// - Throws: the error of a record that ends the loop.
    func stop() async throws {
        let tasks = inFlight.stop()
        guard !inFlight.isEmpty else { return }
        // A paused consumer is polled. Without that, its group could not rebalance during the wait.
        await waits.pause()
        await inFlight.wait(upTo: limits.grace) { $0.isIdle }
        inFlight.cancel(tasks)
        await inFlight.wait { $0.isIdle }
        try await commit()
        if let failure = inFlight.failure { throw failure }
    }
}
