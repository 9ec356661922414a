import Contracts
import MessageBus
import Planning
import Settings
import Store
import StoreTesting
import TestKit
import Testing

@testable import Decomposer

struct IntakeTests {
    private let store = InMemoryStore()

    private func intake(_ lane: Lane = .interactive, at milliseconds: Int64 = 1_000_000) throws -> Intake {
        var reader = SettingsReader(environment: [
            "WINNOW_INTAKE_RESEND_SECONDS": "10", "WINNOW_INTAKE_WINDOW": "3", "WINNOW_TENANT_WINDOW": "0",
            "WINNOW_INTAKE_INTERVAL_MS": "1", "WINNOW_BULK_WINDOW": "2",
        ])
        return Intake(queue: store, lane: lane, settings: try IntakeSettings(&reader), logger: .silent) {
            Timestamp(milliseconds: milliseconds)
        }
    }

    private func submit(_ ids: [String], _ lane: Lane = .interactive) async throws {
        _ = try await store.submit(
            ids.map {
                Submission(
                    tenant: TenantID(rawValue: "acme"), eventID: EventID($0), body: Array(#"{"text":"x"}"#.utf8),
                    lane: lane)
            })
    }

    private func ids(_ batch: [Record]?) -> [String?]? { batch?.map { $0.headers["ce_id"] } }

    @Test func `after ten seconds without requests it polls a third as often, and a bulk lane half as often as that`()
        throws
    {
        var reader = SettingsReader(environment: [:])
        let settings = try IntakeSettings(&reader)
        #expect(settings.interval(.interactive, afterEmptyPolls: 99) == .milliseconds(100))
        #expect(settings.interval(.bulk, afterEmptyPolls: 99) == .milliseconds(200))
        #expect(settings.interval(.interactive, afterEmptyPolls: 100) == .milliseconds(300))
        #expect(settings.interval(.bulk, afterEmptyPolls: 100) == .milliseconds(600))
    }

    @Test func `what waits becomes a request record of its tenant and id`() async throws {
        try await submit(["a"])
        let record = try #require(try await intake().nextBatch()?.first)
        #expect(record.topic == Topic.requests(.interactive))
        #expect(record.headers["ce_id"] == "a")
        #expect(record.headers["ce_authid"] == "acme")
        #expect(record.headers["ce_type"] == EventType.request)
        #expect(record.key == Array("a".utf8))
        #expect(record.value == Array(#"{"text":"x"}"#.utf8))
    }

    @Test func `no more are taken than the window has room for`() async throws {
        try await submit(["a", "b", "c", "d", "e"])
        #expect(ids(try await intake().nextBatch()) == ["a", "b", "c"])
        let (store, intake) = (store, try intake())
        async let next = intake.nextBatch()
        try await store.forget([EventKey(tenant: TenantID(rawValue: "acme"), eventID: "b")])
        #expect(ids(try await next) == ["d"])
    }

    @Test func `what was not committed is taken again, and what was is not`() async throws {
        try await submit(["a", "b"])
        let first = try #require(try await intake().nextBatch())
        try await intake().commit([first[0]])
        #expect(ids(try await intake(at: 1_011_000).nextBatch()) == ["b"])
    }

    @Test func `an intake that has left takes nothing until it rejoins, and one that is stopped ends`() async throws {
        let intake = try intake()
        try await submit(["a"])
        let (gone, continuation) = AsyncStream.makeStream(of: Void.self)
        intake.leave { continuation.finish() }
        async let next = intake.nextBatch()
        for await _ in gone {}
        let turn = SubmissionTurn(now: .now, resendBefore: .now, limit: 9, window: 9)
        #expect(try await store.occupancy(of: [], turn).tenants[TenantID(rawValue: "acme")]?.waiting == 1)
        intake.rejoin()
        #expect(ids(try await next) == ["a"])
        intake.stop()
        #expect(try await intake.nextBatch() == nil)
    }

    @Test func `each lane is taken for itself, as records of its topic, within a window of its own`() async throws {
        try await submit(["a", "b", "c", "d"], .bulk)
        try await submit(["e"])
        let bulk = try await intake(.bulk).nextBatch()
        #expect(ids(bulk) == ["a", "b"])
        #expect(bulk?.allSatisfy { $0.topic == Topic.requests(.bulk) } == true)
        #expect(ids(try await intake().nextBatch()) == ["e"])
    }
}
