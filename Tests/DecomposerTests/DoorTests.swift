import Contracts
import Lifecycle
import Settings
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import Decomposer

@Suite(.timeLimit(.minutes(1)))
struct DoorTests {
    private let store = InMemoryStore()

    private func accept(_ number: UInt64, _ lane: Lane = .bulk) async throws {
        let snapshot = RequestSnapshot(
            id: .numbered(number), tenant: .default, eventID: "\(number)", channel: .machine, state: .open,
            acceptedAt: .now, progressedAt: .now, lane: lane)
        _ = try await store.accept([Arrival(snapshot: snapshot)])
    }

    private func door(_ lane: Lane = .bulk, window: Int) throws -> Door {
        var reader = SettingsReader(environment: [
            "WINNOW_BULK_WINDOW": "\(window)", "WINNOW_INTAKE_WINDOW": "\(window)", "WINNOW_TENANT_WINDOW": "0",
            "WINNOW_INTAKE_INTERVAL_MS": "1",
        ])
        return Door(queue: store, lane: lane, settings: try IntakeSettings(&reader), metrics: Metrics())
    }

    private func stopped(_ door: Door) async -> Bool {
        let shutdown = GracefulShutdown()
        shutdown.trigger()
        return await GracefulShutdown.$current.withValue(shutdown) { await !door.opens() }
    }

    @Test func `bulk requests come in while few of them are open, however many of the other lane are`() async throws {
        try await accept(1)
        try await accept(2, .interactive)
        #expect(try await door(window: 2).opens())
        #expect(try await door(window: 2).admits([.default, .default, .default]) == [.now, .now, .now])
    }

    @Test func `a full window says so at once, and the interactive lane has none`() async throws {
        try await accept(1)
        #expect(try await !door(window: 1).isOpen())
        #expect(try await door(window: 2).isOpen())
        #expect(try await door(.interactive, window: 1).isOpen())
    }

    @Test func `one that ends makes room`() async throws {
        try await accept(1)
        let door = try door(window: 1)
        async let isOpen = door.opens()
        _ = try await store.update([.numbered(1)]) { snapshots in
            snapshots.map { RequestChange(request: $0.id, state: .completed, progressedAt: .now) }
        }
        #expect(await isOpen)
    }

    @Test func `what was taken from Postgres counts, too, and a stop ends the wait without letting in`() async throws {
        _ = try await store.submit([Submission(tenant: .default, eventID: "a", body: [], lane: .bulk)])
        #expect(try await !stopped(door(window: 1)))
        let turn = SubmissionTurn(lane: .bulk, now: .now, resendBefore: .now, limit: 1, window: 1)
        #expect(try await store.next(turn).count == 1)
        #expect(try await stopped(door(window: 1)))
    }

    @Test func `the interactive lane is always open, and over its window it says who waits`() async throws {
        try await accept(1, .interactive)
        let door = try door(.interactive, window: 2)
        #expect(await door.opens())
        #expect(try await door.admits([.default, .default]) == [.now, .later])
    }
}
