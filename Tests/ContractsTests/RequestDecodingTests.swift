import BuiltInCatalog
import Contracts
import Testing

struct RequestDecodingTests {
    private let early = Timestamp(milliseconds: 1_893_456_000_000)
    private let late = Timestamp(milliseconds: 1_893_456_000_001)

    private func decode(_ json: String, deadline: Timestamp? = nil) throws -> Request {
        try Request.decode(
            Array(json.utf8), eventID: "e", tenant: TenantID(rawValue: "t"), deadline: deadline, catalog: .builtIn)
    }

    @Test func `a request keeps the id and the tenant that its record gave`() throws {
        let request = try decode(#"{"text":"hello"}"#)
        #expect(request == Request(eventID: "e", tenant: TenantID(rawValue: "t"), channel: .human, text: "hello"))
    }

    @Test(arguments: [
        (#"{"text":"a"}"#, Request.Channel.human),
        (#"{"attachments":[{"name":"n","text":"a"}]}"#, .human),
        (#"{"steps":[{"capability":"legal-services","task":"clause-type","items":["a"]}]}"#, .machine),
        (#"{"channel":null,"text":"a"}"#, .human),
    ])
    func `the channel follows from what the request holds where it names none`(
        json: String, channel: Request.Channel
    ) throws {
        #expect(try decode(json).channel == channel)
    }

    @Test func `of the header's and the body's deadline the earlier one holds`() throws {
        let body = #"{"text":"a","deadline":"2030-01-01T00:00:00Z"}"#
        #expect(try decode(body, deadline: late).deadline == early)
        let later = #"{"text":"a","deadline":"2030-01-01T00:00:00.001Z"}"#
        #expect(try decode(later, deadline: early).deadline == early)
        #expect(try decode(body).deadline == early)
        #expect(try decode(#"{"text":"a"}"#, deadline: late).deadline == late)
        #expect(try decode(#"{"text":"a"}"#).deadline == nil)
    }

    @Test func `members that nobody knows are ignored`() throws {
        #expect(try decode(#"{"id":7,"priority":{"deep":[1,{}]},"text":"a"}"#).text == "a")
    }

    @Test func `a text that is blank is no fault beside an attachment`() throws {
        let request = try decode(#"{"text":" ","attachments":[{"name":"n","text":"a"}]}"#)
        #expect(request.attachments == [Attachment(name: "n", mediaType: "text/plain", text: "a")])
    }

    @Test func `items are strings or objects with a text`() throws {
        let request = try decode(
            #"{"steps":[{"capability":"legal-services","task":"clause-type","items":["a",{"text":"b","span":[0,1]}]}]}"#
        )
        #expect(request.steps.first?.items == ["a", "b"])
    }

    @Test func `a diamond of steps is a plan`() throws {
        func step(_ dependsOn: String) -> String {
            #"{"capability":"legal-services","task":"clause-type","items":["a"],"dependsOn":[\#(dependsOn)]}"#
        }
        let request = try decode(#"{"steps":[\#(step("1,2")),\#(step("3")),\#(step("3")),\#(step(""))]}"#)
        #expect(request.steps.map(\.dependsOn) == [[1, 2], [3], [3], []])
    }

    @Test(arguments: [
        Request(eventID: "e", channel: .human, text: "Zoë 👩🏽‍🚀 said: \"\\ \n\t\u{0}\u{1F}\u{7F}\u{2028}\u{FEFF}\""),
        Request(
            eventID: "e", channel: .human,
            attachments: [
                Attachment(name: "合同.md", mediaType: "text/markdown", text: "e\u{301} ≠ \u{E9} 🇪🇺"),
                Attachment(name: "b", mediaType: "text/csv", text: "1,2\r\n"),
            ]),
        Request(
            eventID: "e", channel: .machine,
            steps: [
                RequestedStep(
                    route: Route(.securityServices, "payload"), items: (0..<64).map { "' OR \($0)=\($0) --\u{0}" }),
                RequestedStep(route: Route(.legalServices, "unfair-term"), items: ["a"], dependsOn: [0]),
            ]),
    ])
    func `a request comes back from its bytes as it was`(request: Request) throws {
        let back = try Request.decode(
            request.encode(), eventID: "e", tenant: .default, deadline: nil, catalog: .builtIn)
        #expect(back == request)
        // Swift's == considers canonical equivalents equal, but their bytes differ.
        #expect(back.encode() == request.encode())
    }
}
