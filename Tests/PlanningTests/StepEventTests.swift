import BuiltInCatalog
import Contracts
import MessageBus
import Planning
import TestKit
import Testing

struct StepEventTests {
    private let id = Request.ID.numbered(3)
    private let expiry = Timestamp(milliseconds: 1_896_093_296_007)

    private func record(_ change: (inout Record) -> Void = { _ in }) -> Record {
        var record = Record.step(
            StepCommand(step: 4, route: Fixture.clause, items: ["a"]), of: id, expiry: expiry,
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        change(&record)
        return record
    }

    private func code(_ record: Record) -> ContractError.Code? {
        #expect(throws: ContractError.self) {
            try StepEvent(record, as: EventType.step).body(StepCommand.init(decoding:))
        }?.code
    }

    @Test func `a step's record gives its request, its tenant and its body`() throws {
        let event = try StepEvent(record(), as: EventType.step)
        #expect(event.request == id)
        #expect(event.tenant == TenantID(rawValue: "acme"))
        #expect(try event.body(StepCommand.init(decoding:)).step == 4)
    }

    @Test func `a record without a tenant belongs to the default one`() throws {
        let record = Record.about(id, topic: "t", type: "x", value: [], tenant: nil)
        #expect(try StepEvent(record, as: "x").tenant == .default)
    }

    @Test func `a record that cannot be Winnow's own is refused`() {
        #expect(code(record { $0.headers = [] }) == .missingField)
        #expect(code(record { $0.headers.removeAll { $0.name == "ce_correlationid" } }) == .invalidHeader)
        #expect(code(record { $0.headers.append(Header("ce_correlationid", text: "CANARY")) }) == .invalidHeader)
        #expect(code(record { $0.headers.append(Header("ce_id", [0xFF])) }) == .invalidHeader)
        #expect(code(record { $0.headers.append(Header("ce_specversion", text: "0.3")) }) == .invalidHeader)
        #expect(code(record { $0.headers.append(Header("ce_expirytime", text: "CANARY")) }) == .invalidHeader)
        #expect(code(record { $0.headers.append(Header("ce_type", text: EventType.outcome)) }) == .unknownType)
        #expect(code(record { $0.value = nil }) == .notJSON)
        #expect(code(record { $0.value = [] }) == .notJSON)
        #expect(code(record { $0.value = Array("{".utf8) }) == .notJSON)
        #expect(code(record { $0.value = Array("[]".utf8) }) == .wrongType)
    }

    @Test func `a step expires at its deadline and not before`() throws {
        let event = try StepEvent(record(), as: EventType.step)
        #expect(!event.isExpired(at: expiry.adding(milliseconds: -1)))
        #expect(event.isExpired(at: expiry))
        #expect(event.isExpired(at: expiry.adding(milliseconds: 1)))
        let timeless = try StepEvent(Record.about(id, topic: "t", type: "x", value: []), as: "x")
        #expect(!timeless.isExpired(at: Timestamp(milliseconds: .max)))
    }

    @Test func `a service's records carry the step's context on`() throws {
        let source = EventSource(service: "some-worker")
        let cause = try StepEvent(record(), as: EventType.step)
        let outcome = Outcome.expired(4, Fixture.clause)
        let escalation = Escalation(
            step: 4, route: Fixture.clause, open: [.init(index: 0, text: "a")], answers: [nil], attempts: [])
        let records = [source.outcome(outcome, of: cause), source.escalation(escalation, of: cause)]
        #expect(records.map(\.topic) == [Topic.outcomes(.interactive), Topic.escalations(.interactive)])
        #expect(try records[0].outcome() == outcome)
        #expect(try records[1].escalation() == escalation)
        let events = try records.map { try $0.event() }
        #expect(events.map(\.id) == ["\(id)/4/outcome", "\(id)/4/escalation"])
        #expect(events.map(\.type) == [EventType.outcome, EventType.escalation])
        for (record, event) in zip(records, events) {
            #expect(record.key == Array("\(id)".utf8))
            #expect(event.source == "/winnow/some-worker")
            #expect(event.correlationID == "\(id)")
            #expect(event.causationID == "cause")
            #expect(event.authID == "acme")
            #expect(event.expiryTime == expiry)
            #expect(event.traceparent == cause.event.traceparent)
        }
    }

    @Test(arguments: Lane.allCases)
    func `a service's records stay in the lane of the step`(lane: Lane) throws {
        let cause = try StepEvent(record { $0.topic = Topic.steps(.legalServices, lane) }, as: EventType.step)
        let source = EventSource(service: "some-worker")
        let escalation = Escalation(step: 4, route: Fixture.clause, open: [], answers: [], attempts: [])
        #expect(source.outcome(.expired(4, Fixture.clause), of: cause).topic == Topic.outcomes(lane))
        #expect(source.escalation(escalation, of: cause).topic == Topic.escalations(lane))
    }

    @Test func `a dead letter keeps key, value and headers and says where it came from`() {
        let bad = record { $0.value = [0xFF, 0x00, 0xFE] }
        let letter = EventSource(service: "some-worker").deadLetter(bad, ContractError(.notJSON, "not valid JSON"))
        #expect(letter.topic == Topic.deadLetters)
        #expect(letter.key == bad.key)
        #expect(letter.value == bad.value)
        #expect(Array(letter.headers.prefix(bad.headers.count)) == bad.headers)
        #expect(letter.headers["kafka_dlt-original-topic"] == bad.topic)
        #expect(letter.headers["kafka_dlt-original-consumer-group"] == "winnow.some-worker")
        #expect(letter.headers["kafka_dlt-exception-fqcn"] == "ContractError.not_json")
    }

    @Test func `of a batch, the records that cannot be read become dead letters, and no other`() {
        let source = EventSource(service: "some-worker")
        var read: [Int] = []
        let bad = record { $0.value = [0xFF] }
        let letters = source.read([bad, record(), bad, record()]) { record throws(ContractError) in
            read.append(try StepEvent(record, as: EventType.step).body(StepCommand.init(decoding:)).step)
        }
        #expect(read == [4, 4])
        #expect(letters.map(\.topic) == [Topic.deadLetters, Topic.deadLetters])
        #expect(letters.map(\.value) == [bad.value, bad.value])
    }

    @Test func `a failed or expired outcome has no answers and says why`() {
        #expect(Outcome.expired(1, Fixture.clause).state == .expired)
        #expect(Outcome.expired(1, Fixture.clause).error?.isEmpty == false)
        let failed = Outcome(step: 1, route: Fixture.clause, state: .failed, error: "why")
        #expect(Outcome.failed(1, Fixture.clause, "why") == failed)
    }
}
