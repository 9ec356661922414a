import Contracts
import JSON
import Testing

@testable import Client

struct PendingRequestTests {
    private func line(_ json: String) -> PendingRequest { PendingRequest(Array(json.utf8)) { "new" } }

    @Test func `a line is sent byte for byte under its own id`() {
        let json = #" {"text" : "é\u0041", "id":"mine"} "#
        #expect(line(json).eventID == "mine")
        #expect(line(json).body == Array(json.utf8))
        #expect(line(json).rejection == nil)
    }

    @Test(arguments: [#"{"text":"a"}"#, #"{"id":null,"text":"a"}"#, "no JSON", "[1]", #"{"text":""}"#, "\u{0}"])
    func `a line without an id gets a new one, and is sent even if the suite will reject it`(json: String) {
        #expect(line(json).eventID == "new")
        #expect(line(json).rejection == nil)
    }

    @Test(arguments: [
        (#"{"id":7}"#, ContractError.Code.wrongType), (#"{"id":""}"#, .wrongType), (#"{"id":"a\u0000"}"#, .tooLarge),
        (#"{"id":"\#(String(repeating: "x", count: 257))"}"#, .tooLarge),
    ])
    func `an id that no record could carry is rejected here`(json: String, code: ContractError.Code) {
        #expect(line(json).rejection?.code == code)
        #expect(line(json).eventID == "new")
    }

    @Test func `a line that no topic would take is rejected here`() {
        let text = String(repeating: "x", count: PendingRequest.mostBytes)
        let long = line(#"{"id":"mine","text":"\#(text)"}"#)
        #expect(long.rejection?.code == .tooLarge)
        #expect(long.eventID == "mine")
        #expect(line(#"{"text":"\#(text.dropLast(20))"}"#).rejection == nil)
    }

    @Test func `of two bodies under one id in one input the second is rejected, and a repetition is sent again`() {
        var lines = [
            line(#"{"id":"a","text":"x"}"#), line(#"{"id":"b","text":"x"}"#), line(#"{"id":"a","text":"y"}"#),
            line(#"{"id":"a","text":"x"}"#), line(#"{"id":"a", "text":"x"}"#),
        ]
        PendingRequest.rejectReusedIDs(in: &lines)
        #expect(lines.map(\.rejection?.code) == [nil, nil, .idReused, nil, .idReused])
    }

    @Test func `a line that is rejected here leaves its id free for another line`() {
        let text = String(repeating: "x", count: PendingRequest.mostBytes)
        var lines = [line(#"{"id":"a","text":"\#(text)"}"#), line(#"{"id":"a","text":"x"}"#)]
        PendingRequest.rejectReusedIDs(in: &lines)
        #expect(lines.map(\.rejection?.code) == [.tooLarge, nil])
    }

    @Test func `a rejection here reads like one of the suite's`() throws {
        let result = try RequestResult(RequestResult.rejection(of: "mine", ContractError(.wrongType, "why")))
        #expect(result.id == "mine")
        #expect(result.status == "rejected")
        #expect(result.error == "wrong_type: why")
        #expect(result.steps.isEmpty)
        #expect(result.cost == .zero)
    }
}
