import Contracts
import MessageBus
import Planning
import Store

/// Submits requests of one tenant in one lane, and waits for their results.
///
/// It works over the seams `MessageProducer`, `PolledReader` and `SubmissionQueue`, so that the program that uses it
/// picks the adapters. A request is identified by its event id, which its record carries as `ce_id`: the suite
/// computes a request once, however often it is submitted.
public struct Client: Sendable {
    /// Where requests are sent.
    public enum Intake: Sendable {
        /// To the topic of the lane, if the broker keeps its data.
        /// - Parameter isOwn: whether the tenant has topics of its own.
        case topic(any MessageProducer, isOwn: Bool)
        /// To the store, if the broker can lose data.
        case store(any SubmissionQueue)
    }

    let intake: Intake
    let tenant: TenantID
    let lane: Lane
    let now: @Sendable () -> ContinuousClock.Instant

    /// The most that is sent at once.
    private static let (chunk, chunkBytes) = (500, 4 << 20)

    /// - Parameter lane: the lane of all requests.
    public init(_ intake: Intake, tenant: TenantID, lane: Lane = .interactive) {
        self.init(intake, tenant: tenant, lane: lane) { .now }
    }

    init(
        _ intake: Intake, tenant: TenantID, lane: Lane = .interactive,
        now: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        (self.intake, self.tenant, self.lane, self.now) = (intake, tenant, lane, now)
    }

    /// Returns once the requests are stored durably. Safe to repeat with the same requests.
    ///
    /// Requests with a `rejection` are not sent.
    /// - Returns: the ids that were refused, because another body waits under the same id. On the topic the suite
    ///   decides this later, and rejects such a request in its result.
    /// - Throws: `MessageBusError`, `StoreError`, both retriable while the server is unavailable. Some of the requests
    ///   may be stored in this case.
    public func submit(_ requests: [PendingRequest]) async throws -> Set<EventID> {
        var refused: Set<EventID> = []
        for chunk in Self.chunks(of: requests.filter { $0.rejection == nil }) {
            refused.formUnion(try await send(chunk.map(submission)))
        }
        return refused
    }

    /// Submits the requests, and yields the first result of each event id when it arrives.
    ///
    /// The sequence ends when every id has a result, after `timeout`, or when the reader is stopped or the task is
    /// cancelled. An id that was not yielded then has no result yet. Requests with a `rejection` are not sent. A
    /// request that the store refuses yields a result with the status `rejected`. The sequence throws the errors of
    /// `submit`.
    /// - Parameters:
    ///   - reader: a reader of the tenant's results topic that was opened before this call, or results are missed. Only
    ///     one sequence at a time may use it.
    ///   - timeout: counts from the first call of `next`.
    ///   - maxInFlight: how many requests without a result may be under way. The embedded broker keeps 5 MiB a
    ///     partition and drops the rest.
    public func results(
        of requests: [PendingRequest], from reader: any PolledReader, timeout: Duration, maxInFlight: Int = 1000
    ) -> Results {
        let sendable = requests.filter { $0.rejection == nil }
        return Results(client: self, requests: sendable, reader: reader, timeout: timeout, maxInFlight: maxInFlight)
    }

    /// Flushes and closes the producer of a topic.
    public func close() async {
        if case .topic(let producer, _) = intake { await producer.close() }
    }

    private func submission(of request: PendingRequest) -> Submission {
        Submission(
            tenant: tenant, eventID: request.eventID, body: request.body, lane: lane,
            place: .random(in: .min ... .max))
    }

    private func send(_ submissions: [Submission]) async throws -> Set<EventID> {
        switch intake {
        case .topic(let producer, let isOwn):
            try await producer.send(
                submissions.map { submission in
                    let own = isOwn ? Topic.requests(submission.lane, of: submission.tenant) : nil
                    return RequestRecord.record(submission, topic: own)
                })
            return []
        case .store(let queue):
            return Set(try await queue.submit(submissions).map { submissions[$0].eventID })
        }
    }

    /// Requests the results of answered requests again, for clients that lost them.
    func submitAgain(_ requests: [PendingRequest], answeredBefore instant: Timestamp) async throws {
        guard case .store(let queue) = intake else { return }
        try await queue.submitAgain(requests.map(submission), answeredBefore: instant)
    }

    /// Splits the requests by number and by bytes. A request larger than the bound goes alone.
    static func chunks(of requests: [PendingRequest]) -> [ArraySlice<PendingRequest>] {
        var chunks: [ArraySlice<PendingRequest>] = []
        var start = 0
        var bytes = 0
        for index in requests.indices {
            let size = requests[index].body.count
            if index > start, index - start == chunk || bytes + size > chunkBytes {
                chunks.append(requests[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += size
        }
        if start < requests.count { chunks.append(requests[start...]) }
        return chunks
    }
}
