import Contracts
import MessageBus
import Testing

struct CloudEventTests {
    private let event = CloudEvent(
        id: "e-1", type: "winnow.request.accepted", source: "/shop", time: Timestamp(milliseconds: 1_700_000_000_123),
        correlationID: "r-1", causationID: "e-0", expiryTime: Timestamp(milliseconds: 1_700_000_060_000),
        authID: "tenant-a", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data: Array(#"{"a":1}"#.utf8))

    private func record(_ headers: [Header], _ value: String?) -> Record {
        Record(
            topic: "winnow.requests.v1", partition: 3, offset: 7, timestamp: Timestamp(milliseconds: 5),
            key: Array("k".utf8), value: value.map { Array($0.utf8) }, headers: headers)
    }

    @Test func `an event in binary mode reads back as it was written`() throws {
        let out = event.record(topic: "winnow.requests.v1", key: nil)
        #expect(out.headers["ce_specversion"] == "1.0")
        #expect(out.headers["ce_time"] == "2023-11-14T22:13:20.123Z")
        #expect(out.headers["content-type"] == "application/json")
        #expect(out.headers["traceparent"] == event.traceparent)
        #expect(try CloudEvent(record(out.headers, #"{"a":1}"#)) == event)
    }

    @Test func `an event in structured mode reads as the same event in binary mode would`() throws {
        let json = """
            {"specversion":"1.0","id":"e-1","type":"winnow.request.accepted","source":"/shop",
             "time":"2023-11-14T22:13:20.123Z","datacontenttype":"application/json","correlationid":"r-1",
             "causationid":"e-0","expirytime":"2023-11-14T22:14:20.000Z","authid":"tenant-a",
             "traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"a":1}}
            """
        let headers = [Header("content-type", text: "application/cloudevents+json; charset=UTF-8")]
        #expect(try CloudEvent(record(headers, json)) == event)
    }

    @Test(arguments: [
        (#""data":{"a":[1,-2.5,true,null,"x\"y\\\u00e4"]}"#, #"{"a":[1,-2.5,true,null,"x\"y\\ä"]}"#),
        (#""data_base64":"AAEC""#, "\0\u{1}\u{2}"),
        (#""data_base64":"""#, ""), (#""data_base64":"Zg==""#, "f"), (#""data_base64":"Zm8=""#, "fo"),
        (#""data_base64":"Zm9vYg==""#, "foob"), (#""data_base64":"fn5+fz8/""#, "~~~\u{7F}??"),
        (#""datacontenttype":"text/plain","data":"plain""#, "plain"),
        (#""datacontenttype":"application/json","data":"plain""#, #""plain""#),
        (#""datacontenttype":"Application/vnd.a+JSON; charset=utf-8","data":"plain""#, #""plain""#),
        (#""datacontenttype":"application/jsonl","data":"plain""#, "plain"),
    ])
    func `structured data becomes the payload`(member: String, payload: String) throws {
        let json = #"{"specversion":"1.0","id":"1","type":"t","source":"s",\#(member)}"#
        let read = try CloudEvent(record([Header("content-type", text: "application/cloudevents+json")], json))
        #expect(read.data == Array(payload.utf8))
    }

    @Test(arguments: [
        (#""traceparent":"OWN""#, nil, "own"), ("", "traceparent", "hop"), ("", "ce_traceparent", "hop"),
        (#""traceparent":"OWN""#, "traceparent", "own"), (#""traceparent":"none""#, "traceparent", "hop"),
    ])
    func `the trace of a structured event is kept, and takes precedence over the trace of the hop`(
        member: String, header: String?, trace: String
    ) throws {
        let traces = ["own": "1", "hop": "2"].mapValues {
            "00-\(String(repeating: $0, count: 32))-\(String(repeating: $0, count: 16))-01"
        }
        let own = member.replacing("OWN", with: traces["own"] ?? "")
        let json = #"{"specversion":"1.0","id":"1","type":"t","source":"s"\#(own.isEmpty ? "" : ",")\#(own)}"#
        var headers = [Header("content-type", text: "application/cloudevents+json")]
        if let header { headers.append(Header(header, text: traces["hop"] ?? "")) }
        #expect(try CloudEvent(record(headers, json)).traceparent == traces[trace])
    }

    @Test func `in binary mode the event's own trace takes precedence over the trace of the hop`() throws {
        let (own, hop) = (
            "00-11111111111111111111111111111111-1111111111111111-01",
            "00-22222222222222222222222222222222-2222222222222222-01"
        )
        let bare = event.headers.filter { $0.name != "traceparent" }
        let both = [
            Header("ce_traceparent", text: own), Header("ce_tracestate", text: "own=1"),
            Header("traceparent", text: hop), Header("tracestate", text: "hop=1"),
        ]
        let read = try CloudEvent(record(bare + both, "{}"))
        #expect(read.traceparent == own)
        #expect(read.tracestate == "own=1")
        #expect(try CloudEvent(record(bare + [both[0]], "{}")).traceparent == own)
        #expect(try CloudEvent(record(bare + [Header("ce_traceparent", text: "x"), both[2]], "{}")).traceparent == hop)
    }

    @Test(arguments: [
        (#"{"id":"a"}"#, "a", nil), (#"{"id":"a","authid":"b","type":7}"#, "a", "b"), (#"{"id":""}"#, nil, nil),
        (#"{"id":7}"#, nil, nil), ("{", nil, nil), (#"["id"]"#, nil, nil),
        (#"{"id":"\#(String(repeating: "x", count: 257))"}"#, nil, nil),
    ])
    func `the sender of a structured event is read even if the event is otherwise invalid`(
        json: String, id: String?, tenant: String?
    ) {
        let identity = CloudEvent.identity(
            of: record([Header("content-type", text: "application/cloudevents+json")], json))
        #expect(identity?.id == id)
        #expect(identity?.authID == tenant)
    }

    @Test func `what is too large is refused before it is parsed or decoded`() {
        let structured = [Header("content-type", text: "application/cloudevents+json")]
        let code = { (record: Record) in
            #expect(throws: ContractError.self) { try CloudEvent(record) }?.code
        }
        // Neither value would be valid, so the code shows that the size is checked first.
        #expect(code(record(structured, String(repeating: "x", count: Limits.recordBytes + 1))) == .tooLarge)
        let digits = String(repeating: "!", count: 349_529)
        let encoded = #"{"specversion":"1.0","id":"1","type":"t","source":"s","data_base64":"\#(digits)"}"#
        #expect(code(record(structured, encoded)) == .tooLarge)
        var oversized = record(event.headers, nil)
        oversized.isOversized = true
        #expect(code(oversized) == .tooLarge)
        let letter = DeadLetter.record(
            from: oversized, consumerGroup: "g", error: ContractError(.tooLarge, "too large"), attempt: 1)
        #expect(letter.headers["kafka_dlt-original-offset"] == "7")
        #expect(letter.headers["ce_id"] == nil)
    }

    @Test func `an event of another type than its topic holds is refused`() throws {
        let record = record(event.headers, "{}")
        #expect(try CloudEvent(record, as: event.type) == CloudEvent(record))
        #expect(throws: ContractError(.unknownType, "ce_type must be t")) { try CloudEvent(record, as: "t") }
    }

    @Test(arguments: ["A", "AAE", "AA=A", "A===", "====", "AA==AA==", "AA-_", "AA\\nA=", "AAEü"])
    func `text that is not base64 is refused`(text: String) {
        let json = #"{"specversion":"1.0","id":"1","type":"t","source":"s","data_base64":"\#(text)"}"#
        #expect(throws: ContractError(.wrongType, "data_base64 is not base64")) {
            try CloudEvent(record([Header("content-type", text: "application/cloudevents+json")], json))
        }
    }

    @Test(arguments: [
        "", "00", String(repeating: "0", count: 55), "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    ])
    func `a malformed traceparent is ignored`(value: String) throws {
        let headers = event.headers.filter { $0.name != "traceparent" } + [Header("traceparent", text: value)]
        #expect(try CloudEvent(record(headers, "{}")).traceparent == nil)
    }

    @Test(arguments: ["ce_specversion", "ce_id", "ce_type", "ce_source"])
    func `a required attribute that is missing is named`(name: String) {
        let headers = event.headers.filter { $0.name != name }
        let error = #expect(throws: ContractError.self) { try CloudEvent(record(headers, "{}")) }
        #expect(error == ContractError(.missingField, name))
    }

    @Test(arguments: [
        ("ce_specversion", Array("0.3".utf8), ContractError.Code.invalidHeader),
        ("ce_time", Array("yesterday".utf8), .invalidHeader),
        ("ce_expirytime", Array("soon".utf8), .invalidHeader),
        ("ce_id", [0xFF], .invalidHeader),
        ("ce_id", [UInt8](repeating: 65, count: 257), .tooLarge),
    ])
    func `a malformed attribute is refused without being quoted`(
        name: String, value: [UInt8], code: ContractError.Code
    ) {
        let headers = event.headers.filter { $0.name != name } + [Header(name, value)]
        let error = #expect(throws: ContractError.self) { try CloudEvent(record(headers, "{}")) }
        #expect(error?.code == code)
        #expect(error?.message.contains("yesterday") == false)
    }

    @Test(arguments: [nil, "", "[]", "{", #""text""#])
    func `a structured event that is no JSON object is refused`(value: String?) {
        let headers = [Header("content-type", text: "application/cloudevents+json")]
        #expect(throws: ContractError.self) { try CloudEvent(record(headers, value)) }
    }

    @Test func `a dead letter keeps the record byte for byte and can be replayed`() throws {
        let original = Record(
            topic: "winnow.steps.x.v1", partition: 4, offset: 99, timestamp: Timestamp(milliseconds: 123),
            key: [0, 255],
            value: nil, headers: [Header("bytes", [255, 0]), Header("null", nil), Header("bytes", [1])])
        let fault = ContractError(.missingField, "ce_id")
        let letter = DeadLetter.record(from: original, consumerGroup: "winnow.worker", error: fault, attempt: 3)
        #expect(letter.topic == Topic.deadLetters)
        #expect(letter.key == original.key)
        #expect(letter.value == nil)
        #expect(Array(letter.headers.prefix(3)) == original.headers)
        let expected = [
            "kafka_dlt-original-topic": "winnow.steps.x.v1", "kafka_dlt-original-partition": "4",
            "kafka_dlt-original-offset": "99", "kafka_dlt-original-timestamp": "123",
            "kafka_dlt-original-consumer-group": "winnow.worker",
            "kafka_dlt-exception-fqcn": "ContractError.missing_field",
            "kafka_dlt-exception-message": "missing_field: ce_id", "kafka_deliveryAttempt": "3",
        ]
        for (name, value) in expected { #expect(letter.headers[name] == value) }

        let stored = Record(
            topic: letter.topic, partition: 0, offset: 0, timestamp: original.timestamp, key: letter.key,
            value: letter.value, headers: letter.headers)
        let replayed = try #require(DeadLetter.replay(stored))
        #expect(replayed.topic == original.topic)
        #expect(replayed.headers == original.headers)
        #expect(DeadLetter.replay(original) == nil)
    }

    @Test func `a foreign error's text, which may hold payload, is not written`() {
        struct Foreign: Error, CustomStringConvertible { let description = "secret payload" }
        let letter = DeadLetter.record(from: record([], "x"), consumerGroup: "g", error: Foreign(), attempt: 1)
        #expect(letter.headers["kafka_dlt-exception-fqcn"] == "Foreign")
        #expect(letter.headers["kafka_dlt-exception-message"] == "Foreign")
    }
}
