import Contracts
import Lifecycle
import Store
import TestKit
import Testing

@testable import Decomposer

@Suite(.timeLimit(.minutes(1)))
struct AdmissionTests {
    private let store = InMemoryStore()

    private func accept(_ number: UInt64, _ lane: Lane = .bulk) async throws {
        let snapshot = RequestSnapshot(
            id: .numbered(number), tenant: .default, eventID: "\(number)", channel: .machine, state: .open,
            acceptedAt: .now, progressedAt: .now, lane: lane)
        _ = try await store.accept([Arrival(snapshot: snapshot)])
    }

    private func admission(window: Int) -> Admission {
        Admission(store: store, window: window, interval: .milliseconds(1))
    }

    @Test func `bulk requests come in while few of them are open, however many of the other lane are`() async throws {
        try await accept(1)
        try await accept(2, .interactive)
        #expect(await admission(window: 2).wait())
    }

    @Test func `one that ends makes room`() async throws {
        try await accept(1)
        async let admitted = admission(window: 1).wait()
        _ = try await store.update([.numbered(1)]) { snapshots in
            snapshots.map { RequestChange(request: $0.id, state: .completed, progressedAt: .now) }
        }
        #expect(await admitted)
    }

    @Test func `a stop ends the wait without letting in`() async throws {
        try await accept(1)
        let shutdown = GracefulShutdown()
        shutdown.trigger()
        let admitted = await GracefulShutdown.$current.withValue(shutdown) { await admission(window: 1).wait() }
        #expect(!admitted)
    }
}
