import Contracts
import KafkaBus
import MessageBus
import Planning
import PostgresStore
import Store
import Telemetry

/// Sends requests and waits for their results. The number under way is bounded, because the embedded broker keeps 5 MiB
/// a partition and drops the rest.
struct Exchange {
    struct Pending: Sendable {
        var eventID: EventID
        var bytes: [UInt8]

        func submission(of tenant: TenantID, in lane: Lane) -> Submission {
            Submission(
                tenant: tenant, eventID: eventID, body: bytes, lane: lane, place: .random(in: .min ... .max))
        }
    }

    private let outbox: Outbox
    private let results: KafkaReader
    private let tenant: TenantID
    private let lane: Lane
    private let mostUnderWay: Int
    private static let mostBytesUnderWay = 4 << 20
    /// The most that is sent at once. - Units: bytes.
    private static let chunkBytes = 4 << 20
    private static let chunk = 500
    /// The time that a result may take from Postgres to the client before it is requested again.
    private static let patienceMilliseconds: Int64 = 5_000

    /// Returns when the reader will see every result that is written from now on.
    /// - Throws: `SettingsError`, `MessageBusError`
    init(
        _ session: Session, tenant: TenantID, lane: Lane = .interactive, mostUnderWay: Int = 1000
    ) async throws {
        let own = try await session.resultsTopic(of: tenant)
        results = try await KafkaReader(
            settings: try session.kafka(), topic: own ?? Topic.results, from: .end, logger: session.logger,
            metrics: session.metrics)
        outbox = try Outbox(session, hasOwnTopics: own != nil, limit: .service)
        self.tenant = tenant
        self.lane = lane
        self.mostUnderWay = mostUnderWay
    }

    /// Passes each result on when it arrives, and only the first for each id.
    /// - Returns: the ids that got no result in time.
    func run(
        _ pending: [Pending], timeout: Duration, onResult: (EventID, [UInt8]) throws -> Void
    ) async throws -> Set<EventID> {
        let deadline = ContinuousClock.now + timeout
        var window = InFlightWindow(pending, mostUnderWay: mostUnderWay, mostBytes: Self.mostBytesUnderWay)
        var askAgainAt = ContinuousClock.now + .milliseconds(Self.patienceMilliseconds)
        // Once nothing can be printed any more, waiting is pointless.
        while !window.isDone, ContinuousClock.now < deadline, !Console.hasFailed {
            let departing = window.departures(atMost: Self.chunk)
            if !departing.isEmpty {
                let refused = try await outbox.send(departing.map { $0.submission(of: tenant, in: lane) })
                for id in refused where window.arrived(id) {
                    try onResult(id, SubmitLine.rejected(id, .idReused))
                }
            }
            guard let batch = try await results.nextBatch(within: .milliseconds(departing.isEmpty ? 200 : 0)) else {
                break
            }
            for record in batch {
                guard let event = try? CloudEvent(record), TenantID(authID: event.authID) == tenant,
                    let data = event.data,
                    let id = try? ResultView.id(of: data), window.arrived(id)
                else { continue }
                try onResult(id, data)
            }
            if ContinuousClock.now > askAgainAt {
                try await outbox.sendAgain(
                    window.underWay.map { $0.submission(of: tenant, in: lane) },
                    answeredBefore: Timestamp.now.adding(milliseconds: -Self.patienceMilliseconds))
                askAgainAt = ContinuousClock.now + .milliseconds(Self.patienceMilliseconds)
            }
        }
        results.stop()
        await outbox.close()
        return window.open
    }

    /// Sends without waiting for results.
    /// - Returns: the ids that were refused, because another body waits under the same id.
    static func send(
        _ pending: [Pending], tenant: TenantID, lane: Lane, _ session: Session
    ) async throws -> Set<EventID> {
        let outbox = try Outbox(
            session, hasOwnTopics: try await session.resultsTopic(of: tenant) != nil, limit: .submission)
        var refused: Set<EventID> = []
        for chunk in chunks(of: pending) {
            refused.formUnion(try await outbox.send(chunk.map { $0.submission(of: tenant, in: lane) }))
        }
        await outbox.close()
        return refused
    }

    /// Splits the requests by number and by bytes. A request larger than the bound goes alone.
    static func chunks(of pending: [Pending]) -> [ArraySlice<Pending>] {
        var chunks: [ArraySlice<Pending>] = []
        var start = 0
        var bytes = 0
        for index in pending.indices {
            let size = pending[index].bytes.count
            if index > start, index - start == chunk || bytes + size > chunkBytes {
                chunks.append(pending[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += size
        }
        if start < pending.count { chunks.append(pending[start...]) }
        return chunks
    }
}

/// Tracks which requests wait, are under way or are answered.
struct InFlightWindow {
    private var waiting: ArraySlice<Exchange.Pending>
    private var sent: [EventID: Exchange.Pending] = [:]
    private var bytes = 0
    private let mostUnderWay: Int
    private let mostBytes: Int
    /// The ids without a result.
    private(set) var open: Set<EventID>

    init(_ pending: [Exchange.Pending], mostUnderWay: Int, mostBytes: Int) {
        waiting = pending[...]
        open = Set(pending.map(\.eventID))
        self.mostUnderWay = mostUnderWay
        self.mostBytes = mostBytes
    }

    var isDone: Bool { open.isEmpty }

    var underWay: [Exchange.Pending] { Array(sent.values) }

    /// Returns the next requests to send. A request larger than the whole window goes alone.
    mutating func departures(atMost limit: Int) -> [Exchange.Pending] {
        var departing: [Exchange.Pending] = []
        while let next = waiting.first, departing.count < limit, sent.count < mostUnderWay,
            bytes == 0 || bytes + next.bytes.count <= mostBytes
        {
            waiting.removeFirst()
            departing.append(next)
            guard open.contains(next.eventID), sent.updateValue(next, forKey: next.eventID) == nil else { continue }
            bytes += next.bytes.count
        }
        return departing
    }

    /// - Returns: whether it is the first result of one of this client's requests.
    mutating func arrived(_ id: EventID) -> Bool {
        guard open.remove(id) != nil else { return false }
        if let answered = sent.removeValue(forKey: id) { bytes -= answered.bytes.count }
        return true
    }
}

/// Where requests are sent: to the topic if the broker keeps its data, otherwise to Postgres.
enum Outbox: Sendable {
    /// - Parameter isOwn: whether the tenant has topics of its own.
    case topic(KafkaProducer, isOwn: Bool)
    case postgres(PostgresStore)

    /// - Parameter limit: how much may wait unread on the embedded broker.
    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session, hasOwnTopics: Bool, limit: UnreadLimit) throws {
        self =
            try session.submitsThroughPostgres()
            ? .postgres(PostgresStore(try session.postgres()))
            : .topic(
                try KafkaProducer(
                    settings: try session.kafka(), limit: limit, logger: session.logger, metrics: session.metrics),
                isOwn: hasOwnTopics)
    }

    /// Returns once the submissions are stored durably.
    /// - Returns: the ids that were refused, because another body waits under the same id. On the topic the suite
    ///   decides this later.
    func send(_ submissions: [Submission]) async throws -> Set<EventID> {
        switch self {
        case .topic(let producer, let isOwn):
            try await producer.send(
                submissions.map { submission in
                    let own = isOwn ? Topic.requests(submission.lane, of: submission.tenant) : nil
                    return RequestRecord.record(submission, topic: own)
                })
            return []
        case .postgres(let store):
            return Set(try await store.submit(submissions).map { submissions[$0].eventID })
        }
    }

    /// Requests the results of answered requests again, for clients that lost them.
    func sendAgain(_ submissions: [Submission], answeredBefore instant: Timestamp) async throws {
        guard case .postgres(let store) = self else { return }
        try await store.submitAgain(submissions, answeredBefore: instant)
    }

    func close() async {
        if case .topic(let producer, _) = self { await producer.close() }
    }
}
