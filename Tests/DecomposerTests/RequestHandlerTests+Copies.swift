import Contracts
import MessageBus
import TestKit
import Testing

@testable import Decomposer

/// Ids that arrive more than once: redeliveries, copies, and other requests under a known id.
extension RequestHandlerTests {
    @Test(arguments: [#"{"text":""}"#, #"{"text":"play music"}"#, #"{"steps":[]}"#, "no JSON", plan + " "])
    func `another body under a known id is rejected and says so, and the first request goes on`(
        body: String
    ) async throws {
        let first = try await handle([request(Self.plan)])
        let other = request(body).copy(at: 1)
        let rejected = try await handle([other])
        #expect(rejected.count == 1)
        #expect(try result(rejected.first).id == "their-id")
        #expect(try result(rejected.first).status == "rejected")
        #expect(try result(rejected.first).error?.hasPrefix("id_reused: ") == true)
        #expect(try rejected.first?.event().id != first.first?.event().id)
        #expect(try await handle([other]) == rejected)
        #expect(try await handle([request(Self.plan)]) == first)
        #expect(router.calls.isEmpty)
    }

    @Test func `another body in the same batch is rejected, whichever channel it is of`() async throws {
        let batch = [request(#"{"text":"play music"}"#), request(#"{"text":"play"}"#).copy(at: 1)]
        let records = try await handle(batch)
        #expect(records.map(\.topic) == ["winnow.steps.semantic-understanding.v1", Topic.results])
        #expect(try result(records.last).error?.hasPrefix("id_reused: ") == true)
        #expect(router.calls.count == 1)
    }

    @Test(arguments: [#"{"text":"play music"}"#, plan])
    func `copies of an open request are no work, and a redelivery is emitted again`(json: String) async throws {
        let first = try await handle([request(json)])
        #expect(!first.isEmpty)
        let calls = router.calls.count
        for offset in 1...3 { #expect(try await handle([request(json).copy(at: Int64(offset))]).isEmpty) }
        #expect(try await handle((1...9).map { request(json).copy(at: $0) }).isEmpty)
        #expect(router.calls.count == calls)
        #expect(try await handle([request(json).copy(at: 4), request(json), request(json).copy(at: 5)]) == first)
    }

    @Test func `a copy of an answered request gets the same result again, once a batch`() async throws {
        let first = try await handle([request(#"{"text":"weather"}"#)])
        #expect(try result(first.first).status == "completed")
        let calls = router.calls.count
        #expect(try await handle((1...3).map { request(#"{"text":"weather"}"#).copy(at: $0) }) == first)
        #expect(router.calls.count == calls)
    }

    @Test func `a request that is retried keeps the place that it had, so its steps are emitted again`() async throws {
        let record = request(Self.plan).copy(at: 7)
        let first = try await handle([record])
        let waiting = Record(Retry.record(from: record, notBefore: .now), offset: 3)
        let retried = Record(try #require(Retry.redelivery(waiting)), offset: 4)
        #expect(retried.topic == Topic.retriedRequests(.interactive))
        #expect(try await handle([retried]) == first)
    }

    @Test func `an event id belongs to its tenant`() async throws {
        let records = try await handle([
            request(Self.plan, tenant: "a"), request(Self.plan, tenant: "b"), request(Self.plan),
        ])
        #expect(try Set(records.map { try $0.event().correlationID }).count == 3)
        #expect(try records.map { try $0.event().authID } == ["a", "b", "default"])
    }

    @Test func `two records of one id in one batch are one request`() async throws {
        let records = try await handle([request(Self.plan), request(Self.plan)])
        #expect(records.map(\.topic) == ["winnow.steps.legal-services.v1"])
    }
}

extension Record {
    /// The same record at another place in its topic.
    fileprivate func copy(at offset: Int64) -> Record {
        var copy = self
        copy.offset = offset
        return copy
    }
}
