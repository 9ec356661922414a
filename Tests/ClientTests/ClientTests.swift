import Contracts
import MessageBus
import MessageBusTesting
import Planning
import Store
import StoreTesting
import Synchronization
import Testing

@testable import Client

/// The client over the in-memory seams. Its clock moves while nothing arrives.
struct ClientTests {
    private static let tenant = TenantID(rawValue: "acme")
    private static let past = Timestamp(milliseconds: 1_000)
    private static let requests = Topic.requests(.interactive)

    /// A clock that stands still, unless a test moves it.
    private final class ManualClock: Sendable {
        private let instant = Mutex(ContinuousClock.now)

        var now: ContinuousClock.Instant { instant.withLock { $0 } }

        @Sendable func advance(_ duration: Duration) { instant.withLock { $0 += duration } }
    }

    private let bus = InMemoryBus(topics: [Topic.results: 1, Self.requests: 1])
    private let store = InMemoryStore()
    private let clock = ManualClock()

    private func client(_ intake: Client.Intake) -> Client {
        Client(intake, tenant: Self.tenant) { [clock] in clock.now }
    }

    private var onTopic: Client { client(.topic(bus.producer(), isOwn: false)) }
    private var onStore: Client { client(.store(store)) }

    private static func pending(_ ids: String...) -> [PendingRequest] {
        ids.map { PendingRequest(Array(#"{"id":"\#($0)","text":"a"}"#.utf8)) { "new" } }
    }

    private func answer(_ id: String, of tenant: TenantID = tenant, _ status: String = "completed") async throws {
        let event = CloudEvent(
            id: "result-\(id)", type: EventType.result, source: "/test", time: .now, authID: tenant.rawValue,
            data: Array(#"{"id":"\#(id)","status":"\#(status)"}"#.utf8))
        try await bus.producer().send([event.record(topic: Topic.results, key: Array(id.utf8))])
    }

    private func reader(
        onIdle: @escaping @Sendable () async throws -> Void = {}
    ) -> InMemoryReader {
        InMemoryReader(bus, topic: Topic.results) { [clock] wait in
            clock.advance(wait)
            try await onIdle()
        }
    }

    /// Each id that got a result, with the status.
    private func run(_ results: Results) async throws -> [String] {
        var seen: [String] = []
        for try await result in results { seen.append("\(result.eventID) \(try RequestResult(result.body).status)") }
        return seen
    }

    @Test func `requests go to the topic byte for byte, under their own ids`() async throws {
        let requests = Self.pending("a", "b")
        #expect(try await onTopic.submit(requests).isEmpty)
        let records = bus.records(in: Self.requests)
        #expect(records.map(\.value) == requests.map(\.body))
        #expect(records.map { try? CloudEvent($0).id } == ["a", "b"])
        #expect(records.map { try? CloudEvent($0).authID } == ["acme", "acme"])
    }

    @Test func `a tenant with topics of its own submits there`() async throws {
        let own = try #require(Topic.requests(.interactive, of: Self.tenant))
        bus.createTopic(own, partitions: 1)
        #expect(try await client(.topic(bus.producer(), isOwn: true)).submit(Self.pending("a")).isEmpty)
        #expect(bus.records(in: own).count == 1 && bus.records(in: Self.requests).isEmpty)
    }

    @Test func `the store refuses another body under a waiting id, and takes the same one again`() async throws {
        let first = try await onStore.submit(Self.pending("a"))
        let again = try await onStore.submit(Self.pending("a"))
        let other = PendingRequest(Array(#"{"id":"a","text":"other"}"#.utf8)) { "new" }
        let refused = try await onStore.submit([other] + Self.pending("b"))
        #expect(first.isEmpty && again.isEmpty)
        #expect(refused == ["a"])
        #expect(try await run(onStore.results(of: [other], from: reader(), timeout: .seconds(1))) == ["a rejected"])
    }

    @Test func `a request that cannot be sent is not`() async throws {
        let requests = Self.pending("a") + [PendingRequest(Array(#"{"id":7}"#.utf8)) { "new" }]
        #expect(try await onTopic.submit(requests).isEmpty)
        #expect(bus.records(in: Self.requests).count == 1)
        try await answer("a")
        #expect(try await run(onTopic.results(of: requests, from: reader(), timeout: .seconds(1))) == ["a completed"])
    }

    @Test func `only the first result of an id counts, and no other tenant's`() async throws {
        try await answer("a", of: TenantID(rawValue: "umbra"), "failed")
        for id in ["stranger", "a", "a", "b"] { try await answer(id) }
        let results = onTopic.results(of: Self.pending("a", "b"), from: reader(), timeout: .seconds(1))
        #expect(try await run(results) == ["a completed", "b completed"])
    }

    @Test func `the timeout ends the wait for what is not answered`() async throws {
        let start = clock.now
        try await answer("a")
        let results = onTopic.results(of: Self.pending("a", "b"), from: reader(), timeout: .seconds(2))
        #expect(try await run(results) == ["a completed"])
        #expect(clock.now - start >= .seconds(2) && clock.now - start < .seconds(3))
    }

    @Test func `a reader that is stopped ends the wait`() async throws {
        let reader = reader()
        reader.stop()
        #expect(try await run(onTopic.results(of: Self.pending("a"), from: reader, timeout: .seconds(60))).isEmpty)
    }

    @Test func `no more requests are under way than the caller allows`() async throws {
        let ids = ["a", "b", "c", "d", "e"]
        let counts = Mutex<[Int]>([])
        let reader = reader {
            let known = counts.withLock { $0.reduce(0, +) }
            let open = bus.records(in: Self.requests).dropFirst(known)
            counts.withLock { $0.append(open.count) }
            for record in open { try await answer(try CloudEvent(record).id) }
        }
        let requests = ids.flatMap { Self.pending($0) }
        let results = onTopic.results(of: requests, from: reader, timeout: .seconds(60), maxInFlight: 2)
        #expect(try await run(results) == ids.map { "\($0) completed" })
        #expect(counts.withLock { $0.filter { $0 > 0 } } == [2, 2, 1])
    }

    @Test func `a result that was lost is requested again from the store, and no other`() async throws {
        var answered = RequestSnapshot(
            id: try #require(Request.ID("01890000-0000-7000-8000-000000000000")), tenant: Self.tenant, eventID: "a",
            channel: .machine, state: .completed, acceptedAt: Self.past, progressedAt: Self.past)
        answered.completedAt = Self.past
        _ = try await store.accept([Arrival(snapshot: answered)])
        let start = clock.now
        let taken = Mutex<[EventID]>([])
        let reader = reader {
            let turn = SubmissionTurn(now: .now, resendBefore: Self.past, limit: 10, window: 10)
            let submissions = try await store.next(turn)
            try await store.forget(submissions.map(\.key))
            let count = taken.withLock { taken in
                taken += submissions.map(\.eventID)
                return taken.count
            }
            if count == 3, !submissions.isEmpty { for id in ["a", "b"] { try await answer(id) } }
        }
        let results = onStore.results(of: Self.pending("a", "b"), from: reader, timeout: .seconds(60))
        #expect(try await run(results) == ["a completed", "b completed"])
        #expect(taken.withLock { $0 } == ["a", "b", "a"])
        #expect(clock.now - start > .seconds(5) && clock.now - start < .seconds(6))
    }
}
