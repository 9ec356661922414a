import BuiltInCatalog
import Contracts
import Inference
import JSON
import MessageBus
import Planning
import Store
import StoreTesting
import TestKit
import Testing

@testable import Decomposer

struct RequestHandlerTests {
    static let plan = #"{"steps":[{"capability":"legal-services","task":"clause-type","items":["a"]}]}"#

    let store = InMemoryStore()
    let router = ScriptedRouter { text in
        .of(text, text.contains("weather") ? "none" : "semantic-understanding/intent", isSure: !text.contains("?"))
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        try await store.registerPrices([
            Price(
                model: "router", inputToken: PicoDollars(2), outputToken: .zero, validFrom: Timestamp(milliseconds: 0)),
            Price(
                model: "full", inputToken: PicoDollars(100), outputToken: .zero, validFrom: Timestamp(milliseconds: 0)),
        ])
        let planner = Planner(router: router, counterfactual: try Tree.counterfactual())
        let handler = RequestHandler(
            service: "decomposer", planner: planner, store: store, admission: nil,
            ownTopics: OwnTopics(register: store, logger: .silent), fullModel: "full", catalog: .builtIn)
        return try await handler.handle(records)
    }

    func request(
        _ json: String, id: String = "their-id", tenant: String? = nil, expiry: Timestamp? = nil
    ) -> Record {
        request(bytes: Array(json.utf8), id: id, tenant: tenant, expiry: expiry)
    }

    func request(
        bytes: [UInt8]?, id: String = "their-id", tenant: String? = nil, expiry: Timestamp? = nil,
        lane: Lane = .interactive
    ) -> Record {
        let event = CloudEvent(
            id: id, type: EventType.request, source: "/them", expiryTime: expiry, authID: tenant, data: bytes)
        return Record(event.record(topic: Topic.requests(lane), key: nil))
    }

    /// Status and error of a result.
    func result(_ record: OutgoingRecord?) throws -> (id: String?, status: String?, error: String?) {
        let record = try #require(record)
        #expect(record.topic == Topic.results)
        return try JSONDocument.read(record.value ?? []) {
            ($0["id"]?.string, $0["status"]?.string, $0["error"]?.string)
        }
    }

    @Test(arguments: Lane.allCases)
    func `a request keeps the lane of its topic`(lane: Lane) async throws {
        let bytes = Array(Self.plan.utf8)
        let records = try await handle([request(bytes: bytes, lane: lane)])
        #expect(records.map(\.topic) == [Topic.steps(.legalServices, lane)])
        // A copy in another lane is a copy of the same open request.
        for again in Lane.allCases {
            let repeated = try await handle([request(bytes: bytes, lane: again)])
            #expect(repeated.map(\.topic) == (again == lane ? [Topic.steps(.legalServices, lane)] : []))
        }
    }

    @Test func `the loop retries a failing router, and then the full model routes`() async throws {
        let ill = ScriptedRouter { _ throws(InferenceError) in throw InferenceError(.compute, "no memory") }
        let planner = Planner(router: ill, counterfactual: try Tree.counterfactual())
        let handler = RequestHandler(
            service: "decomposer", planner: planner, store: store, admission: nil,
            ownTopics: OwnTopics(register: store, logger: .silent), fullModel: "full", catalog: .builtIn)
        let record = request(#"{"text": "play music"}"#)
        var again = record
        again.topic = Topic.retriedRequests(.interactive)
        for records in [[record], [record, again]] {
            await #expect(throws: InferenceError.self) { try await handler.handle(records) }
        }
        #expect(try await handler.handle([again]).map(\.topic) == [Topic.escalations(.interactive)])
    }

    @Test func `a machine request becomes its ready steps and asks no model`() async throws {
        let records = try await handle([request(Self.plan, tenant: "acme")])
        let record = try #require(records.first)
        #expect(records.count == 1)
        #expect(record.topic == "winnow.steps.legal-services.v1")
        let command = StepCommand(
            step: 0, route: Route(.legalServices, "clause-type"), items: ["a"], catalogVersion: 0)
        #expect(try record.command() == command)
        let event = try record.event()
        #expect(event.authID == "acme")
        #expect(event.causationID == "their-id")
        #expect(router.calls.isEmpty)
        let id = try #require(event.correlationID.flatMap { Request.ID($0) })
        #expect(try await store.ledger(of: id).isEmpty)
    }

    @Test func `a human request pays for its routing, once`() async throws {
        let record = request(#"{"text":"play music"}"#)
        let first = try await handle([record])
        #expect(first.map(\.topic) == ["winnow.steps.semantic-understanding.v1"])
        #expect(try await handle([record]) == first)
        let id = try #require(try first.first?.event().correlationID.flatMap { Request.ID($0) })
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.step.ordinal) == [0])
        #expect(rows.map(\.cost) == [PicoDollars(20)])
        #expect(rows.map(\.counterfactualCost) == [.zero] && rows.map(\.onceCost) == [.zero])
        #expect(rows.map(\.attempt.kind) == [.router])
    }

    @Test func `a routing that answers an item itself says what the full model would have cost`() async throws {
        let records = try await handle([request(#"{"text":"weather"}"#)])
        let id = try #require(try records.first?.event().correlationID.flatMap { Request.ID($0) })
        let rows = try await store.ledger(of: id)
        #expect(rows.map(\.counterfactualCost) == [PicoDollars(700)])
        #expect(rows.map(\.onceCost) == [PicoDollars(500)])
    }

    @Test func `an unsure routing goes to the full model beside the steps that are sure`() async throws {
        let records = try await handle([request(#"{"text":"Play music\nWhat?"}"#)])
        #expect(records.map(\.topic) == [Topic.escalations(.interactive), "winnow.steps.semantic-understanding.v1"])
        let open = try records.first?.escalation().open
        #expect(open?.map(\.text) == ["What?"])
        // Includes the router's guess.
        #expect(open?.first?.guess?.decidedBy == .worker && open?.first?.guess?.model.hasPrefix("router@") == true)
        #expect(open?.first?.context == ItemContext(before: "Play music\n", after: ""))
    }

    @Test func `a text that fits nothing is answered at once`() async throws {
        let records = try await handle([request(#"{"text":"weather"}"#)])
        #expect(try result(records.first) == ("their-id", "completed", nil))
        let (cost, items) = try JSONDocument.read(records.first?.value ?? []) { root in
            (root["cost"]?["picoUSD"]?.integer, root["steps"]?.map { $0["items"]?.map { $0["label"]?.string } })
        }
        #expect(cost == 14)
        #expect(items == [["none"]])
    }

    @Test func `a rejected request gets the same result again`() async throws {
        let record = request(#"{"text":" "}"#)
        let first = try await handle([record])
        #expect(try result(first.first) == ("their-id", "rejected", "empty_text: text is empty"))
        #expect(try await handle([record]) == first)
    }

    @Test(
        arguments: [
            (Array("no JSON".utf8), "not_json"), ([0xFF], "not_json"), ([], "not_json"), (nil, "not_json"),
            (Array(#"{"text":1}"#.utf8), "wrong_type"), (Array(#"{"text":"a","channel":"x"}"#.utf8), "unknown_channel"),
            (Array(#"{"steps":[{"capability":"x","task":"y","items":["a"]}]}"#.utf8), "unknown_route"),
            (Array(repeating: UInt8(ascii: " "), count: Limits.requestBytes + 1), "too_large"),
        ] as [([UInt8]?, String)])
    func `bad input gets a rejection, and the next request is answered`(bytes: [UInt8]?, code: String) async throws {
        let records = try await handle([request(bytes: bytes), request(Self.plan, id: "next")])
        #expect(records.count == 2)
        let (id, status, error) = try result(records.first)
        #expect(id == "their-id")
        #expect(status == "rejected")
        #expect(error?.hasPrefix(code + ": ") == true)
        #expect(records.last?.topic == "winnow.steps.legal-services.v1")
    }

    @Test(arguments: [
        (
            #"{"id":"their-id","specversion":"1.0","source":"/them","type":"winnow.request.v1","data":{"text":" "}}"#,
            "empty_text"
        ),
        (#"{"id":"their-id","specversion":"1.0","source":"/them","type":"winnow.request.v1"}"#, "not_json"),
        (#"{"id":"their-id","authid":"acme"}"#, "missing_field"),
        (#"{"id":"their-id","specversion":"1.0","source":"/them","type":"t","data":{"text":"play"}}"#, "unknown_type"),
        (
            #"{"id":"their-id","specversion":"1.0","source":"/them","type":"winnow.request.v1","#
                + #""datacontenttype":"text/plain","data":"play"}"#, "unsupported_media_type"
        ),
    ])
    func `a structured event whose id is readable is answered, whatever else is wrong with it`(
        json: String, code: String
    ) async throws {
        let record = Record(
            OutgoingRecord(
                topic: Topic.requests(.interactive), key: nil, value: Array(json.utf8),
                headers: [Header("content-type", text: "application/cloudevents+json; charset=utf-8")]))
        let records = try await handle([record])
        #expect(records.count == 1)
        #expect(try result(records.first).id == "their-id")
        #expect(try result(records.first).status == "rejected")
        #expect(try result(records.first).error?.hasPrefix("\(code): ") == true)
    }

    @Test(arguments: [
        ("ce_type", "winnow.step.v1", "unknown_type"), ("content-type", "application/pdf", "unsupported_media_type"),
        ("content-type", "application/json; charset=utf-16", "unsupported_media_type"),
    ])
    func `an event of another type or media type is not worked on`(
        name: String, value: String, code: String
    ) async throws {
        var record = request(Self.plan)
        record.headers.append(Header(name, text: value))
        let records = try await handle([record])
        #expect(records.count == 1)
        #expect(try result(records.first).status == "rejected")
        #expect(try result(records.first).error?.hasPrefix("\(code): ") == true)
    }

    @Test func `a record too large to be read is answered by its id, and put away by reference without one`()
        async throws
    {
        var record = request(bytes: nil)
        record.isOversized = true
        #expect(try result(try await handle([record]).first).error?.hasPrefix("too_large: ") == true)
        record.headers = []
        #expect(try await handle([record]).map(\.topic) == [Topic.deadLetters])
    }

    @Test func `a request past its deadline is rejected before anything is computed`() async throws {
        let past = Timestamp(milliseconds: 1)
        let records = try await handle([
            request(#"{"text":"play music"}"#, expiry: past),
            request(#"{"text":"play music","deadline":"2001-01-01T00:00:00Z"}"#, id: "body"),
        ])
        for record in records {
            #expect(try result(record).status == "rejected")
            #expect(try result(record).error?.hasPrefix("deadline_passed: ") == true)
        }
        #expect(records.count == 2)
        #expect(router.calls.isEmpty)
    }

    @Test func `a record whose id cannot be read becomes a dead letter with its bytes intact`() async throws {
        let good = request(Self.plan)
        var bare = request(bytes: [0xFF, 0x00, 0x0A])
        bare.headers = []
        var nameless = good
        nameless.headers.removeAll { $0.name == "ce_id" }
        var strange = good
        strange.headers.append(Header("ce_id", [0xFF]))
        var long = good
        long.headers.append(Header("ce_id", text: String(repeating: "x", count: 257)))
        var zero = good
        zero.headers.append(Header("ce_id", text: "a\u{0}"))
        let bad = [bare, nameless, strange, long, zero]
        let records = try await handle(bad + [good])
        let letters = records.filter { $0.topic == Topic.deadLetters }
        #expect(letters.map(\.value) == bad.map(\.value))
        for (letter, record) in zip(letters, bad) {
            #expect(Array(letter.headers.prefix(record.headers.count)) == record.headers)
        }
        #expect(records.last?.topic == "winnow.steps.legal-services.v1")
    }

    @Test(arguments: [
        ("ce_source", nil), ("ce_type", nil), ("ce_specversion", "0.3"), ("ce_expirytime", "soon"),
    ])
    func `a record with an id is answered, whatever else its headers lack`(name: String, value: String?) async throws {
        var record = request(Self.plan, tenant: "acme")
        record.headers.removeAll { $0.name == name }
        if let value { record.headers.append(Header(name, text: value)) }
        let records = try await handle([record])
        let rejection = try result(records.first)
        #expect(records.count == 1)
        #expect(rejection.id == "their-id")
        #expect(rejection.status == "rejected")
        #expect(rejection.error?.contains(name) == true)
        #expect(try records.first?.event().authID == "acme")
    }
}
