import BuiltInCatalog
import Contracts
import Testing

/// Each invalid input gets the code of the first rule that it breaks, in a message that quotes none of the input.
struct RequestRejectionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let code: ContractError.Code

        init(_ name: String, _ json: String, _ code: ContractError.Code) {
            self.init(name, Array(json.utf8), code)
        }

        init(_ name: String, _ bytes: [UInt8], _ code: ContractError.Code) {
            (testDescription, self.bytes, self.code) = (name, bytes, code)
        }

        /// A machine request with these steps.
        static func plan(_ name: String, _ steps: String, _ code: ContractError.Code) -> Case {
            Case(name, #"{"channel":"machine","steps":[\#(steps)]}"#, code)
        }

        /// One step of an existing route, with other members.
        static func step(_ name: String, _ members: String, _ code: ContractError.Code) -> Case {
            plan(name, #"{"capability":"legal-services","task":"clause-type",\#(members)}"#, code)
        }
    }

    private static let canary = "CANARY"
    private static let good = #"{"capability":"legal-services","task":"clause-type","items":["CANARY"]}"#

    private static func repeated(_ text: String, _ count: Int) -> String {
        Array(repeating: text, count: count).joined(separator: ",")
    }

    /// A step whose items take their texts from answers.
    private static func taking(_ items: String...) -> String {
        let items = items.map { "{\($0)}" }.joined(separator: ",")
        return #"{"capability":"legal-services","task":"clause-type","items":[\#(items)]}"#
    }

    private static func dependent(on list: String) -> String {
        #"{"capability":"legal-services","task":"clause-type","items":["CANARY"],"dependsOn":[\#(list)]}"#
    }

    static let syntax: [Case] = [
        Case("nothing", "", .notJSON),
        Case("words", "CANARY", .notJSON),
        Case("an unclosed object", #"{"text":"CANARY""#, .notJSON),
        Case("two values", #"{"text":"CANARY"} {"text":"CANARY"}"#, .notJSON),
        Case("a trailing comma", #"{"text":"CANARY",}"#, .notJSON),
        Case("a lone surrogate", #"{"text":"CANARY\ud800"}"#, .notJSON),
        Case("a raw control character", Array(#"{"text":"CANARY"#.utf8) + [1] + Array(#""}"#.utf8), .notJSON),
        Case("invalid UTF-8", Array(#"{"text":"CANARY"#.utf8) + [0xFF, 0xC0] + Array(#""}"#.utf8), .notJSON),
        Case("an overlong NUL", Array(#"{"text":"CANARY"#.utf8) + [0xC0, 0x80] + Array(#""}"#.utf8), .notJSON),
        Case(
            "two thousand levels", String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000), .notJSON),
        Case("an array", #"["CANARY"]"#, .wrongType),
        Case("a string", #""CANARY""#, .wrongType),
        Case("null", "null", .wrongType),
    ]

    static let types: [Case] = [
        Case("text is a number", #"{"text":12}"#, .wrongType),
        Case("text is an array", #"{"text":["CANARY"]}"#, .wrongType),
        Case("channel is a number", #"{"text":"CANARY","channel":1}"#, .wrongType),
        Case("channel is unknown", #"{"text":"CANARY","channel":"CANARY"}"#, .unknownChannel),
        Case("channel in capitals", #"{"text":"CANARY","channel":"Human"}"#, .unknownChannel),
        Case("deadline is a number", #"{"text":"CANARY","deadline":1790000000}"#, .wrongType),
        Case("deadline is no time", #"{"text":"CANARY","deadline":"CANARY"}"#, .wrongType),
        Case("deadline is a day", #"{"text":"CANARY","deadline":"2030-01-31"}"#, .wrongType),
        Case("attachments is an object", #"{"text":"a","attachments":{"name":"CANARY"}}"#, .wrongType),
        Case("an attachment is a string", #"{"text":"a","attachments":["CANARY"]}"#, .wrongType),
        Case("an attachment's name is a number", #"{"attachments":[{"name":1,"text":"CANARY"}]}"#, .wrongType),
        Case("an attachment's text is null", #"{"attachments":[{"name":"CANARY","text":null}]}"#, .missingField),
        Case("an attachment has no name", #"{"attachments":[{"text":"CANARY"}]}"#, .missingField),
        Case(
            "an attachment's media type is a list",
            #"{"attachments":[{"name":"a","mediaType":["CANARY"],"text":"CANARY"}]}"#, .wrongType),
        Case("steps is a string", #"{"steps":"CANARY"}"#, .wrongType),
        .plan("a step is a string", #""CANARY""#, .wrongType),
        .plan("a step has no capability", #"{"task":"clause-type","items":["CANARY"]}"#, .missingField),
        .plan("a step has no task", #"{"capability":"legal-services","items":["CANARY"]}"#, .missingField),
        .plan("a capability is a number", #"{"capability":1,"task":"a","items":["CANARY"]}"#, .wrongType),
        .plan("a task is an object", #"{"capability":"legal-services","task":{},"items":["CANARY"]}"#, .wrongType),
        .step("items is a string", #""items":"CANARY""#, .wrongType),
        .step("an item is a number", #""items":["CANARY",1]"#, .wrongType),
        .step("an item is an object without text", #""items":[{"CANARY":"CANARY"}]"#, .wrongType),
        .step("an item's text is a number", #""items":[{"text":1}]"#, .wrongType),
        .step("an item has a text and a source", #""items":[{"text":"CANARY","from":1}]"#, .wrongType),
        .step("an item's source is a string", #""items":[{"from":"CANARY"}]"#, .wrongType),
        .step("an item's source is a fraction", #""items":[{"from":0.5}]"#, .wrongType),
        .step("the index of an answer is a string", #""items":[{"from":1,"item":"CANARY"}]"#, .wrongType),
        .step("a selection is a number", #""items":[{"from":1,"select":1}]"#, .wrongType),
        .step("a selection is unknown", #""items":[{"from":1,"select":"CANARY"}]"#, .wrongType),
        .step("dependsOn is a number", #""items":["CANARY"],"dependsOn":0"#, .wrongType),
        .step("dependsOn holds a fraction", #""items":["CANARY"],"dependsOn":[0.5]"#, .wrongType),
        .step("dependsOn holds a string", #""items":["CANARY"],"dependsOn":["CANARY"]"#, .wrongType),
    ]

    static let rules: [Case] = [
        .plan("an unknown capability", #"{"capability":"CANARY","task":"clause-type","items":["a"]}"#, .unknownRoute),
        .plan("an unknown task", #"{"capability":"legal-services","task":"CANARY","items":["a"]}"#, .unknownRoute),
        .plan("another's task", #"{"capability":"legal-services","task":"intent","items":["a"]}"#, .unknownRoute),
        .plan(
            "Winnow's own capability", #"{"capability":"decomposition","task":"route","items":["CANARY"]}"#,
            .unknownRoute),
        Case("nothing to answer", "{}", .missingField),
        Case("text is null", #"{"text":null}"#, .missingField),
        Case("empty text", #"{"text":""}"#, .emptyText),
        Case("blank text", #"{"text":" \t\r\n\u00a0\u2003\u3000"}"#, .emptyText),
        Case("a blank attachment", #"{"text":"CANARY","attachments":[{"name":"a","text":"\n"}]}"#, .emptyText),
        Case(
            "an attachment's name is too long",
            #"{"attachments":[{"name":"\#(String(repeating: "n", count: 257))","text":"CANARY"}]}"#, .tooLarge),
        Case(
            "an attachment of a media type that is no text",
            #"{"attachments":[{"name":"a","mediaType":"application/pdf","text":"CANARY"}]}"#, .unsupportedMediaType),
        Case("a blank attachment name", #"{"attachments":[{"name":" ","text":"CANARY"}]}"#, .emptyText),
        Case("a machine without steps", #"{"channel":"machine"}"#, .missingField),
        Case("a machine with an empty plan", #"{"channel":"machine","steps":[]}"#, .missingField),
        Case("a human with steps", #"{"channel":"human","text":"CANARY","steps":[\#(good)]}"#, .invalidPlan),
        Case("a machine with text", #"{"text":"CANARY","steps":[\#(good)]}"#, .invalidPlan),
        Case(
            "a machine with attachments", #"{"attachments":[{"name":"a","text":"CANARY"}],"steps":[\#(good)]}"#,
            .invalidPlan),
        .plan("17 steps", repeated(good, 17), .tooLarge),
        .step("65 items", #""items":[\#(repeated(#""CANARY""#, 65))]"#, .tooLarge),
        .step("no items", #""items":[]"#, .missingField),
        .step("items is missing", #""dependsOn":[]"#, .missingField),
        .step("an empty item", #""items":["CANARY",""]"#, .emptyText),
        .step("a blank item", #""items":["CANARY","\u2028 "]"#, .emptyText),
        .plan("a step that depends on itself", dependent(on: "0"), .invalidPlan),
        .plan("a step that depends on none of the plan", dependent(on: "1"), .invalidPlan),
        .plan("a negative dependency", dependent(on: "-1"), .invalidPlan),
        .plan("two steps in a circle", [dependent(on: "1"), dependent(on: "0")].joined(separator: ","), .invalidPlan),
        .plan(
            "three steps in a circle behind one that is free",
            [good, dependent(on: "0,3"), dependent(on: "1"), dependent(on: "2")].joined(separator: ","), .invalidPlan),
        .plan("an item that takes its own step's answer", taking(#""from":0"#), .invalidPlan),
        .plan("an answer of no step", "\(good),\(taking(#""from":2"#))", .invalidPlan),
        .plan("an answer of a negative step", "\(good),\(taking(#""from":-1"#))", .invalidPlan),
        .plan("an answer of no item", "\(good),\(taking(#""from":0,"item":1"#))", .invalidPlan),
        .plan("an answer of a negative item", "\(good),\(taking(#""from":0,"item":-1"#))", .invalidPlan),
        .plan(
            "the same place in a shorter step",
            [good, taking(#""from":0"#, #""from":0"#), taking(#""from":1"#, #""from":1"#, #""from":1"#)]
                .joined(separator: ","), .invalidPlan),
        .plan(
            "two steps that take each other's answers", "\(taking(#""from":1"#)),\(taking(#""from":0"#))", .invalidPlan),
        .plan(
            "a step that takes the answer of one that depends on it",
            "\(taking(#""from":1"#)),\(dependent(on: "0"))", .invalidPlan),
        Case("a byte too many", padded(to: Limits.requestBytes + 1), .tooLarge),
    ]

    /// A valid request of exactly this many bytes.
    static func padded(to count: Int) -> String {
        let frame = #"{"text":""}"#
        return #"{"text":"\#(String(repeating: "x", count: count - frame.utf8.count))"}"#
    }

    @Test(arguments: syntax + types + rules)
    func `a request that breaks a rule is refused with the rule's code`(bad: Case) {
        let error = #expect(throws: ContractError.self) {
            try Request.decode(
                bad.bytes, eventID: "CANARY", tenant: TenantID(rawValue: "CANARY"), deadline: nil, catalog: .builtIn)
        }
        #expect(error?.code == bad.code, "\(error?.description ?? "")")
        #expect(error?.message.isEmpty == false)
    }

    @Test(arguments: syntax + types + rules)
    func `an error never quotes what was sent`(bad: Case) {
        let error = #expect(throws: ContractError.self) {
            try Request.decode(
                bad.bytes, eventID: "CANARY", tenant: TenantID(rawValue: "CANARY"), deadline: nil, catalog: .builtIn)
        }
        #expect("\(error?.description ?? "")".contains(Self.canary) == false)
    }

    @Test func `a request of exactly the largest size is read`() throws {
        let request = try Request.decode(
            Array(Self.padded(to: Limits.requestBytes).utf8), eventID: "a", tenant: .default, deadline: nil,
            catalog: .builtIn)
        #expect(request.text?.count == Limits.requestBytes - 11)
    }

    @Test func `16 steps of 64 items are read`() throws {
        let step =
            #"{"capability":"legal-services","task":"clause-type","items":[\#(Self.repeated(#""a""#, 64))]}"#
        let request = try Request.decode(
            Array(#"{"steps":[\#(Self.repeated(step, 16))]}"#.utf8), eventID: "a", tenant: .default, deadline: nil,
            catalog: .builtIn)
        #expect(request.steps.count == 16)
        #expect(request.steps.allSatisfy { $0.items.count == 64 })
    }
}
