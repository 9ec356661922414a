import Contracts
import JSON
import MessageBus
import MessageBusTesting
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import Aggregator

struct DeadlineTests {
    private let rig = KeeperRig()
    private let id = Request.ID.numbered(1)

    @Test func `a request past its deadline gets a result that says so, once`() async throws {
        try await rig.accept(Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now))
        #expect(try await rig.deadlines().work() == ChoreRound(handled: 1))
        #expect(try await rig.deadlines().work() == .nothing)
        #expect(try await rig.emissions().work() == ChoreRound(handled: 1))
        #expect(try await rig.emissions().work() == .nothing)
        let results = rig.bus.records(in: Topic.results)
        #expect(results.count == 1)
        try JSONDocument.read(results.first?.value ?? []) { root in
            #expect(root["status"]?.string == "expired")
            #expect(root["error"]?.string == "the deadline passed")
            // A worker may have started, and its cost arrives later.
            #expect(root["cost"]?["final"]?.bool == false)
        }
    }

    @Test func `a request whose deadline has not passed is left alone`() async throws {
        try await rig.accept(
            Fixture.snapshot([Fixture.step(0)], deadline: Fixture.now.adding(milliseconds: 1)))
        #expect(try await rig.deadlines().work() == .nothing)
    }

    @Test func `a request that is final is not expired`() async throws {
        let done = Fixture.step(0, Fixture.clause, ["a"], .answered, answers: [Fixture.answer()])
        try await rig.accept(Fixture.snapshot([done], .completed, deadline: Fixture.now))
        #expect(try await rig.deadlines(at: Fixture.now.adding(milliseconds: 1_000_000)).work() == .nothing)
    }

    @Test func `a round takes no more than its limit, and says that more is due`() async throws {
        for number in 1...5 {
            try await rig.accept(
                Fixture.snapshot([Fixture.step(0)], id: .numbered(UInt64(number)), deadline: Fixture.now))
        }
        let deadlines = rig.deadlines(limit: 2)
        let rounds = try await [deadlines.work(), deadlines.work(), deadlines.work()]
        #expect(rounds.map(\.handled) == [2, 2, 1])
        #expect(rounds.map(\.hasMore) == [true, true, false])
        #expect(try await rig.emissions().work() == ChoreRound(handled: 5))
        #expect(rig.bus.records(in: Topic.results).count == 5)
    }

    @Test func `a request that cannot be read holds up no other`() async throws {
        for number in 1...5 {
            try await rig.accept(
                Fixture.snapshot([Fixture.step(0)], id: .numbered(UInt64(number)), deadline: Fixture.now))
        }
        let broken = BrokenFor(request: .numbered(3), store: rig.store)
        #expect(try await rig.deadlines(store: broken).work() == ChoreRound(handled: 4))
        #expect(rig.metrics.render().contains("winnow_keeper_refused_requests_total 1"))
        #expect(try await rig.stored(.numbered(3))?.state == .open)
        #expect(try await rig.stored(.numbered(5))?.state == .expired)
    }
}

/// A store in which the row of one request is damaged.
private struct BrokenFor: RequestStore {
    let request: Request.ID
    let store: InMemoryStore

    func accept(_ arrivals: [Arrival]) async throws -> [Acceptance] { try await store.accept(arrivals) }

    func known(_ events: [(key: EventKey, origin: Origin)]) async throws -> [Acceptance?] {
        try await store.known(events)
    }

    func update(
        _ requests: [Request.ID], _ transition: @escaping @Sendable ([RequestSnapshot]) throws -> [RequestChange]
    ) async throws -> [RequestSnapshot] {
        guard !requests.contains(request) else { throw StoreError(.query, "items cannot be read", isRetriable: false) }
        return try await store.update(requests, transition)
    }

    func pastDeadline(at time: Timestamp, limit: Int) async throws -> [Request.ID] {
        try await store.pastDeadline(at: time, limit: limit)
    }

    func stalled(now: Timestamp, since: Timestamp, bulkSince: Timestamp, limit: Int) async throws -> [Request.ID] {
        try await store.stalled(now: now, since: since, bulkSince: bulkSince, limit: limit)
    }

    func postponeRedrive(of requests: [Request.ID], until instant: Timestamp) async throws {
        try await store.postponeRedrive(of: requests, until: instant)
    }

    func abandonCalls(olderThan age: Duration, limit: Int) async throws -> [Request.ID] {
        try await store.abandonCalls(olderThan: age, limit: limit)
    }

    func prices() async throws -> [Price] { try await store.prices() }
}
