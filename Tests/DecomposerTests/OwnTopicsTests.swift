import BuiltInCatalog
import Contracts
import JSON
import Lifecycle
import MessageBus
import Planning
import Settings
import Store
import StoreTesting
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Decomposer

@Suite(.timeLimit(.minutes(1)))
struct OwnTopicsTests {
    private static let plan = #"{"steps":[{"capability":"legal-services","task":"clause-type","items":["a"]}]}"#
    private static let acme = TenantID(rawValue: "acme")

    private let store = InMemoryStore()
    private let ownTopics: OwnTopics

    init() { ownTopics = OwnTopics(register: store, interval: .milliseconds(1), logger: .silent) }

    private func handle(_ records: [Record], atTheDoor: Bool = false) async throws -> [OutgoingRecord] {
        var reader = SettingsReader(environment: ["WINNOW_INTAKE_WINDOW": "1", "WINNOW_TENANT_WINDOW": "0"])
        let settings = try IntakeSettings(&reader)
        let planner = Planner(
            router: ScriptedRouter { .of($0, "none") },
            counterfactual: try Tree.counterfactual())
        let handler = RequestHandler(
            service: "decomposer", planner: planner, store: store,
            admission: atTheDoor ? AdmissionControl(queue: store, settings: settings, metrics: Metrics()) : nil,
            ownTopics: ownTopics, fullModel: "full", catalog: .builtIn)
        return try await handler.handle(records)
    }

    private func request(
        _ id: String, of tenant: String?, on topic: String? = Topic.requests(.interactive), json: String = plan
    ) throws -> Record {
        let event = CloudEvent(
            id: id, type: EventType.request, source: "/them", authID: tenant, data: Array(json.utf8))
        return Record(event.record(topic: try #require(topic), key: nil))
    }

    private var ownTopic: String? { Topic.requests(.interactive, of: Self.acme) }

    private func giveTopics() async throws {
        try await store.giveOwnTopics(to: Self.acme)
        try await ownTopics.look()
    }

    @Test(arguments: [nil, "", "acme"])
    func `on its own topic a request is the tenant's`(named: String?) async throws {
        try await giveTopics()
        let emitted = try await handle([try request("1", of: named, on: ownTopic)])
        #expect(emitted.map(\.topic) == [Topic.steps(.legalServices, .interactive)])
        #expect(try emitted.map { try $0.event().authID } == ["acme"])
    }

    @Test func `another tenant's name is rejected there, and the answer goes to the topic's tenant alone`()
        async throws
    {
        try await giveTopics()
        let emitted = try await handle([try request("1", of: "umbra", on: ownTopic)])
        #expect(emitted.map(\.topic) == [Topic.results(of: Self.acme)])
        #expect(try emitted.map { try $0.event().authID } == ["acme"])
        #expect(emitted.first?.text.contains("wrong_tenant") == true)
    }

    @Test func `nobody gets in under its name from a shared topic, and none of its ids is taken`() async throws {
        try await giveTopics()
        let forged = try await handle([try request("1", of: "acme"), try request("2", of: "umbra")])
        #expect(forged.map(\.topic) == [Topic.deadLetters, Topic.steps(.legalServices, .interactive)])
        let genuine = try await handle([try request("1", of: nil, on: ownTopic)])
        #expect(genuine.map(\.topic) == [Topic.steps(.legalServices, .interactive)])
    }

    @Test func `a record of a topic that is no tenant's any more is a dead letter, and not the default tenant's`()
        async throws
    {
        let emitted = try await handle([try request("1", of: nil, on: ownTopic)])
        #expect(emitted.map(\.topic) == [Topic.deadLetters])
    }

    @Test func `a retried request is the tenant's whose topic it came from`() async throws {
        try await giveTopics()
        for named in [nil, "umbra"] {
            let waiting = Record(Retry.record(from: try request("1", of: named, on: ownTopic), notBefore: .now))
            let retried = Record(try #require(Retry.redelivery(waiting)))
            #expect(retried.topic == Topic.retriedRequests(.interactive))
            let emitted = try await handle([retried])
            #expect(try emitted.map { try $0.event().authID } == ["acme"])
        }
    }

    @Test func `what is over its share waits in the store and is let in from there`() async throws {
        try await giveTopics()
        let records = try (0..<3).map { try request("\($0)", of: nil, on: ownTopic) }
        let first = try await handle(records, atTheDoor: true)
        #expect(first.count == 1)
        let turn = SubmissionTurn(
            now: .now, resendBefore: Timestamp(milliseconds: 0), limit: 10, window: 100)
        let waiting = try await store.next(turn).map(RequestRecord.waiting)
        // Also if a fault causes a redelivery.
        let again = waiting.map { Retry.record(from: $0, notBefore: .now) }.compactMap { Retry.redelivery(Record($0)) }
        for records in [waiting, again.map { Record($0) }] {
            let emitted = try await handle(records)
            #expect(emitted.map(\.topic) == Array(repeating: Topic.steps(.legalServices, .interactive), count: 2))
        }
    }

    @Test func `a result goes to the tenant's topic alone, also of a request that came before`() async throws {
        let before = try await handle([try request("1", of: "acme")])
        try await giveTopics()
        let after = try await handle([try request("2", of: nil, on: ownTopic)])
        let ids = try (before + after).compactMap { try $0.event().correlationID.flatMap { Request.ID($0) } }
        let final = try await store.update(ids) { snapshots in
            snapshots.map { RequestChange(request: $0.id, state: .completed, progressedAt: .now) }
        }
        let results = final.flatMap {
            Emission.records(for: $0, trigger: .every, catalog: .builtIn, from: "/winnow/test")
        }
        #expect(results.map(\.topic) == Array(repeating: Topic.results(of: Self.acme), count: 2))
        #expect(try await store.takeOwnTopics(from: Self.acme))
        let shared = try await store.update(ids) { _ in [] }
        let again = shared.flatMap {
            Emission.records(for: $0, trigger: .every, catalog: .builtIn, from: "/winnow/test")
        }
        #expect(Set(again.map(\.topic)) == [Topic.results])
    }

    @Test func `consumers follow a tenant's topics once it is listed, each those of its lane`() async throws {
        let followed = Subscriptions()
        for lane in Lane.allCases { ownTopics.keep(Subscriber(lane: lane, followed: followed), in: lane) }
        try await ownTopics.look()
        #expect(followed.all.isEmpty)
        try await giveTopics()
        try await ownTopics.look()
        #expect(
            followed.all == [
                "interactive winnow.requests.v1 winnow.retried-requests.v1 winnow.requests.acme.v1",
                "bulk winnow.bulk-requests.v1 winnow.bulk-retried-requests.v1 winnow.bulk-requests.acme.v1",
            ])
        #expect(ownTopics.owner(of: "winnow.bulk-requests.acme.v1") == Self.acme)
        #expect(try await store.takeOwnTopics(from: Self.acme))
        try await ownTopics.look()
        #expect(
            followed.all.suffix(2) == [
                "interactive winnow.requests.v1 winnow.retried-requests.v1",
                "bulk winnow.bulk-requests.v1 winnow.bulk-retried-requests.v1",
            ])
        #expect(ownTopics.owner(of: "winnow.bulk-requests.acme.v1") == nil)
    }

    @Test func `a consumer whose subscription failed is subscribed again`() async throws {
        let followed = Subscriptions()
        ownTopics.keep(Subscriber(lane: .bulk, followed: followed, failures: 1), in: .bulk)
        await #expect(throws: MessageBusError.self) { try await giveTopics() }
        try await ownTopics.look()
        #expect(
            followed.all == [
                "bulk winnow.bulk-requests.v1 winnow.bulk-retried-requests.v1 winnow.bulk-requests.acme.v1"
            ])
    }

    @Test func `no request is taken before the list was read`() async throws {
        try await store.giveOwnTopics(to: Self.acme)
        let shutdown = GracefulShutdown()
        try await GracefulShutdown.$current.withValue(shutdown) {
            async let running: Void = ownTopics.run()
            await ownTopics.prepare()
            #expect(ownTopics.contains(Self.acme))
            shutdown.trigger()
            try await running
        }
    }
}

private final class Subscriptions: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock(\.self) }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

private final class Subscriber: TopicSubscriber {
    private let lane: Lane
    private let followed: Subscriptions
    private let failures: Mutex<Int>

    init(lane: Lane, followed: Subscriptions, failures: Int = 0) {
        self.lane = lane
        self.followed = followed
        self.failures = Mutex(failures)
    }

    func subscribe(to topics: [String]) async throws {
        let mustFail = failures.withLock { left in
            left -= 1
            return left >= 0
        }
        if mustFail { throw MessageBusError(.unavailable, "away", isRetriable: true) }
        followed.add("\(lane) \(topics.joined(separator: " "))")
    }
}
