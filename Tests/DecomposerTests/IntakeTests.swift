import Contracts
import Delivery
import MessageBus
import Settings
import Store
import TestKit
import Testing

@testable import Decomposer

struct IntakeTests {
    private let store = InMemoryStore()
    private let bus = InMemoryBus(topics: [Topic.requests(.interactive): 1, Topic.requests(.bulk): 1])

    private func intake(at milliseconds: Int64 = 1_000_000) throws -> Intake {
        var reader = SettingsReader(environment: [
            "WINNOW_INTAKE_RESEND_SECONDS": "10", "WINNOW_INTAKE_WINDOW": "3", "WINNOW_BULK_WINDOW": "2",
        ])
        let settings = try IntakeSettings(&reader)
        return Intake(queue: store, producer: bus.producer(), settings: settings, logger: .silent) {
            Timestamp(milliseconds: milliseconds)
        }
    }

    private func submit(_ ids: [String], _ lane: Lane = .interactive) async throws {
        try await store.submit(
            ids.map {
                Submission(
                    tenant: TenantID(rawValue: "acme"), eventID: $0, body: Array(#"{"text":"x"}"#.utf8), lane: lane)
            })
    }

    @Test func `a submission becomes a request record of its tenant and id`() async throws {
        try await submit(["a"])
        #expect(try await intake().pass() == 1)
        let record = try #require(bus.records(in: Topic.requests(.interactive)).first)
        #expect(record.headers["ce_id"] == "a")
        #expect(record.headers["ce_authid"] == "acme")
        #expect(record.headers["ce_type"] == EventType.request)
        #expect(record.key == Array("a".utf8))
        #expect(record.value == Array(#"{"text":"x"}"#.utf8))
    }

    @Test func `no more are sent than the window has room for`() async throws {
        try await submit(["a", "b", "c", "d", "e"])
        #expect(try await intake().pass() == 3)
        #expect(try await intake().pass() == 0)
    }

    @Test func `what a broker forgot before it was accepted is sent again`() async throws {
        try await submit(["a"])
        #expect(try await intake().pass() == 1)
        #expect(try await intake(at: 1_009_000).pass() == 0)
        #expect(try await intake(at: 1_011_000).pass() == 1)
        #expect(bus.records(in: Topic.requests(.interactive)).map { $0.headers["ce_id"] } == ["a", "a"])
    }

    @Test func `each lane goes to its own topic, within a window of its own`() async throws {
        try await submit(["a", "b", "c", "d"], .bulk)
        try await submit(["e"])
        #expect(try await intake().pass(.bulk) == 2)
        #expect(try await intake().pass(.interactive) == 1)
        #expect(bus.records(in: Topic.requests(.bulk)).map { $0.headers["ce_id"] } == ["a", "b"])
        #expect(bus.records(in: Topic.requests(.interactive)).map { $0.headers["ce_id"] } == ["e"])
    }
}
