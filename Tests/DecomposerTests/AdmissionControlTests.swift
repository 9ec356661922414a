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
struct AdmissionControlTests {
    private let store = InMemoryStore()

    private func accept(_ number: UInt64, _ lane: Lane = .bulk) async throws {
        let snapshot = RequestSnapshot(
            id: .numbered(number), tenant: .default, eventID: "\(number)", channel: .machine, state: .open,
            acceptedAt: .now, progressedAt: .now, lane: lane)
        _ = try await store.accept([Arrival(snapshot: snapshot)])
    }

    private func admission(_ lane: Lane = .bulk, window: Int) throws -> AdmissionControl {
        var reader = SettingsReader(environment: [
            "WINNOW_BULK_WINDOW": "\(window)", "WINNOW_INTAKE_WINDOW": "\(window)", "WINNOW_TENANT_WINDOW": "0",
            "WINNOW_INTAKE_INTERVAL_MS": "1",
        ])
        return AdmissionControl(queue: store, lane: lane, settings: try IntakeSettings(&reader), metrics: Metrics())
    }

    private func stopped(_ admission: AdmissionControl) async -> Bool {
        let shutdown = GracefulShutdown()
        shutdown.trigger()
        return await GracefulShutdown.$current.withValue(shutdown) { await !admission.opens() }
    }

    @Test func `bulk requests come in while few of them are open, however many of the other lane are`() async throws {
        try await accept(1)
        try await accept(2, .interactive)
        #expect(try await admission(window: 2).opens())
        #expect(try await admission(window: 2).admits([.default, .default, .default]) == [.now, .now, .now])
    }

    @Test func `a full window says so at once, and the interactive lane has none`() async throws {
        try await accept(1)
        #expect(try await !admission(window: 1).isOpen())
        #expect(try await admission(window: 2).isOpen())
        #expect(try await admission(.interactive, window: 1).isOpen())
    }

    @Test func `a request that ends makes room`() async throws {
        try await accept(1)
        let admission = try admission(window: 1)
        async let isOpen = admission.opens()
        _ = try await store.update([.numbered(1)]) { snapshots in
            snapshots.map { RequestChange(request: $0.id, state: .completed, progressedAt: .now) }
        }
        #expect(await isOpen)
    }

    @Test func `what was taken from Postgres counts, too, and a stop ends the wait without letting in`() async throws {
        _ = try await store.submit([Submission(tenant: .default, eventID: "a", body: [], lane: .bulk)])
        #expect(try await !stopped(admission(window: 1)))
        let turn = SubmissionTurn(lane: .bulk, now: .now, resendBefore: .now, limit: 1, window: 1)
        #expect(try await store.next(turn).count == 1)
        #expect(try await stopped(admission(window: 1)))
    }

    @Test func `the interactive lane is always open, and over its window it says who waits`() async throws {
        try await accept(1, .interactive)
        let admission = try admission(.interactive, window: 2)
        #expect(await admission.opens())
        #expect(try await admission.admits([.default, .default]) == [.now, .later])
    }
}
