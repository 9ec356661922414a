import BuiltInCatalog
import Contracts
import Delivery
import JSON
import Lifecycle
import MessageBus
import MessageBusTesting
import Planning
import Settings
import Store
import StoreTesting
import Telemetry
import TestKit
import Testing

@testable import Decomposer

/// A decomposer whose window has two requests, and one more for each tenant.
struct TenantTests {
    private static let plan = #"{"steps":[{"capability":"legal-services","task":"clause-type","items":["a"]}]}"#

    private let store = InMemoryStore()
    private let ownTopics: OwnTopics
    private let bus = InMemoryBus(topics: [
        Topic.requests(.interactive): 1, Topic.steps(.legalServices, .interactive): 1, Topic.results: 1,
        Topic.deadLetters: 1,
    ])
    private let router = ScriptedRouter { .of($0, "none") }

    init() { ownTopics = OwnTopics(register: store, logger: .silent) }

    private func settings(_ more: [String: String] = [:]) throws -> IntakeSettings {
        let environment = [
            "WINNOW_INTAKE_WINDOW": "2", "WINNOW_TENANT_WINDOW": "1", "WINNOW_INTAKE_INTERVAL_MS": "1",
        ]
        var reader = SettingsReader(environment: environment.merging(more) { $1 })
        return try IntakeSettings(&reader)
    }

    private func handler(isAtTheDoor: Bool = true, _ more: [String: String] = [:]) throws -> RequestHandler {
        let planner = Planner(
            router: router,
            counterfactual: try Tree.counterfactual())
        let admission = AdmissionControl(queue: store, settings: try settings(more), metrics: Metrics())
        return RequestHandler(
            service: "decomposer", planner: planner, store: store, admission: isAtTheDoor ? admission : nil,
            ownTopics: ownTopics, fullModel: "full", catalog: .builtIn)
    }

    private func request(
        _ id: String, _ tenant: String = "flooding", _ json: String = plan, expiry: Timestamp? = nil
    ) -> OutgoingRecord {
        CloudEvent(
            id: id, type: EventType.request, source: "/them", expiryTime: expiry, authID: tenant,
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", data: Array(json.utf8)
        ).record(topic: Topic.requests(.interactive), key: Array(id.utf8))
    }

    private func arrive(_ records: [OutgoingRecord]) async throws -> [OutgoingRecord] {
        try await handler().handle(records.map { Record($0) })
    }

    /// A record at a place of its own.
    private func copy(_ id: String, _ json: String = plan, at offset: Int64) -> Record {
        Record(request(id, "flooding", json), offset: offset)
    }

    /// Processes the rows whose turn it is at an instant.
    private func turn(at time: Timestamp = .now) async throws -> [OutgoingRecord] {
        let records = try await store.next(settings().turn(at: time)).map(RequestRecord.waiting)
        let emitted = try await handler(isAtTheDoor: false).handle(records)
        try await store.forget(records.compactMap(RequestRecord.key(of:)))
        return emitted
    }

    private func waiting() async throws -> Int {
        try await store.occupancy(of: [], settings().turn(at: .now)).tenants.values.reduce(0) { $0 + $1.waiting }
    }

    /// Counts them by id, because each record names the request that caused it.
    private func causes(_ records: [OutgoingRecord]) throws -> [String?] {
        try records.map { try $0.event().causationID }
    }

    private func result(_ record: OutgoingRecord?) throws -> (status: String?, error: String?) {
        try JSONDocument.read(record?.value ?? []) { ($0["status"]?.string, $0["error"]?.string) }
    }

    /// Ends requests like an aggregator.
    private func complete(_ records: [OutgoingRecord]) async throws {
        let ids = try records.compactMap { try $0.event().correlationID.flatMap { Request.ID($0) } }
        _ = try await store.update(ids) { snapshots in
            snapshots.map { RequestChange(request: $0.id, state: .completed, progressedAt: .now) }
        }
    }

    @Test func `a tenant that floods is parked, and one that is quiet goes ahead`() async throws {
        let flood = (0..<5).map { request("\($0)") }
        let emitted = try await arrive(flood + [request("quiet", "quiet"), request("quiet-2", "quiet")])
        #expect(try causes(emitted) == ["0", "1", "quiet"])
        #expect(try await waiting() == 4)
        #expect(try await turn().isEmpty)
        try await complete(emitted)
        let next = try await turn()
        #expect(try Set(causes(next)) == ["2", "quiet-2"])
        #expect(try next.first?.event().traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    }

    @Test func `a redelivered batch is parked once and answered once`() async throws {
        let batch = (0..<4).map { request("\($0)") }
        let first = try await arrive(batch)
        #expect(try await arrive(batch) == first)
        #expect(try await waiting() == 2)
        try await complete(first)
        let second = try await turn()
        #expect(try causes(second) == ["2", "3"])
        try await complete(second)
        #expect(try await turn().isEmpty)
        #expect(try await arrive(batch).count == 4)
        #expect(try await waiting() == 0)
    }

    @Test func `what is known or rejected is answered at once, whatever waits`() async throws {
        let first = try await arrive((0..<4).map { request("\($0)") })
        try await complete([first[0]])
        let emitted = try await arrive([request("0"), request("bad", "flooding", "{}"), request("4")])
        #expect(try emitted.map { try result($0).status } == ["rejected", "completed"])
        #expect(try await waiting() == 3)
    }

    @Test func `the answer to a known id takes a turn like a request, and so does every copy`() async throws {
        let first = try await arrive((0..<3).map { request("\($0)") })
        try await complete([first[0]])
        let copies = (1...5).map { copy("0", at: $0) } + [copy("1", at: 7)]
        #expect(try await handler().handle(copies).isEmpty)
        #expect(try await waiting() == 3)
        try await complete(Array(first.dropFirst()))
        let next = try await turn()
        #expect(try next.filter { $0.topic == Topic.results }.map { try result($0).status } == ["completed"])
        #expect(try causes(next).contains("2"))
    }

    @Test func `another body under an id that waits is rejected, and the one that waits is answered`() async throws {
        let first = try await arrive((0..<3).map { request("\($0)") })
        let reused = try await handler().handle([copy("2", #"{"text":"play music"}"#, at: 1)])
        #expect(try result(reused.first).status == "rejected")
        #expect(try result(reused.first).error?.hasPrefix("id_reused: ") == true)
        try await complete(first)
        #expect(try causes(try await turn()) == ["2"])
    }

    @Test(arguments: [
        ["WINNOW_TENANT_WAITING_LIMIT": "2"], ["WINNOW_WAITING_LIMIT": "2"],
    ])
    func `above the bound of waiting requests each is answered overloaded, with a time to come back`(
        limits: [String: String]
    ) async throws {
        let handler = try handler(limits.merging(["WINNOW_OVERLOAD_RETRY_SECONDS": "7"]) { $1 })
        let batch = (0..<6).map { Record(request("\($0)"), offset: Int64($0)) }
        let emitted = try await handler.handle(batch)
        #expect(try causes(emitted) == ["0", "1", "4", "5"])
        #expect(try await waiting() == 2)
        for record in emitted.suffix(2) {
            #expect(try result(record).status == "rejected")
            #expect(try result(record).error?.hasPrefix("overloaded: ") == true)
            #expect(try JSONDocument.read(record.value ?? []) { $0["retryAfterSeconds"]?.integer } == 7)
        }
        // Nothing of it is stored, and a redelivery gives the same answer under the same ids.
        #expect(try await handler.handle(batch) == emitted)
        #expect(try await waiting() == 2)
        try await complete(Array(emitted.prefix(2)))
        #expect(try causes(try await turn()) == ["2", "3"])
        // The same id is accepted later.
        #expect(try await self.handler().handle([copy("4", at: 99)]).isEmpty)
        #expect(try await waiting() == 1)
    }

    @Test func `one tenant's waiting requests leave room for another's`() async throws {
        let handler = try handler(["WINNOW_TENANT_WAITING_LIMIT": "1"])
        _ = try await handler.handle((0..<4).map { Record(request("\($0)"), offset: Int64($0)) })
        #expect(try await handler.handle([Record(request("a", "quiet")), Record(request("b", "quiet"))]).count == 1)
        #expect(try await waiting() == 2)
    }

    @Test func `a request that returns after a temporary fault needs no second turn`() async throws {
        _ = try await arrive((0..<3).map { request("\($0)") })
        var again = request("again")
        again.topic = Topic.retriedRequests(.interactive)
        #expect(try causes(try await arrive([again])) == ["again"])
    }

    @Test(arguments: [
        Retry.attemptsHeader, "kafka_original-topic", "winnow_cancelled", "winnow_place", "kafka_deliveryAttempt",
        "ce_sampledrate", "ce_authtype", "ce_correlationid",
    ])
    func `no header from outside buys a turn or changes what becomes of a request`(name: String) async throws {
        _ = try await arrive((0..<3).map { request("\($0)") })
        var forged = request("forged")
        forged.headers.append(Header(name, text: "1"))
        #expect(try await arrive([forged]).isEmpty)
        #expect(try await waiting() == 2)
    }

    @Test func `a deadline that passes while it waits is told without a turn`() async throws {
        let deadline = Timestamp.now.adding(milliseconds: 60_000)
        _ = try await arrive([request("0"), request("1"), request("late", expiry: deadline)])
        #expect(try await turn().isEmpty)
        let late = try await store.next(settings().turn(at: deadline))
        #expect(late.map(\.eventID) == ["late"])
        #expect(late.first?.deadline == deadline)
    }

    @Test func `one that is cancelled while it waits is answered without a turn, and no model is asked`() async throws {
        _ = try await arrive([request("0"), request("1"), request("2", "flooding", #"{"text":"play music"}"#)])
        #expect(try await store.cancelWaiting("2", of: nil, at: .now) == [TenantID(rawValue: "flooding")])
        let emitted = try await turn()
        #expect(emitted.map(\.topic) == [Topic.results])
        #expect(try result(emitted.first) == ("cancelled", "cancelled on request"))
        #expect(router.calls.isEmpty)
        var forged = request("forged", "other")
        forged.headers.append(Header("winnow_cancelled", text: "true"))
        #expect(try await arrive([forged]).map(\.topic) == [Topic.steps(.legalServices, .interactive)])
    }

    /// The real loop: it processes waiting rows, and deletes them only afterwards.
    @Test func `the loop handles waiting requests and deletes them`() async throws {
        let first = try await arrive((0..<4).map { request("\($0)") })
        try await complete(first)
        try await ownTopics.look()
        let shutdown = GracefulShutdown()
        let reader = bus.consumer(group: "reader", topics: [Topic.steps(.legalServices, .interactive)])
        let loop = DeliveryLoop(
            service: "decomposer", consumer: Intake(queue: store, settings: try settings(), logger: .silent),
            producer: bus.producer(), handler: try handler(isAtTheDoor: false), logger: .silent, metrics: Metrics())
        async let running: Void = GracefulShutdown.$current.withValue(shutdown) { try await loop.run() }
        var steps: [Record] = []
        while steps.count < 2, let batch = try await reader.nextBatch() { steps += batch }
        shutdown.trigger()
        try await running
        #expect(try steps.map { try CloudEvent($0).causationID } == ["2", "3"])
        #expect(try await store.next(settings().turn(at: .now.adding(milliseconds: 60_000))).isEmpty)
    }
}
