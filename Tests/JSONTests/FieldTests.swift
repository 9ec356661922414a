import JSON
import Testing

@Suite struct FieldTests {
    private func read<Field>(_ text: String, _ body: (JSONValue) throws -> Field) throws -> Field {
        try JSONDocument.read(text.utf8, body)
    }

    private func fault<Field>(_ text: String, _ body: (JSONValue) throws -> Field) throws -> JSONFieldError {
        try #require(#expect(throws: JSONFieldError.self) { try read(text, body) })
    }

    @Test func `a member is read by its type`() throws {
        try read(#"{"a": "x", "b": 7, "c": 0.5, "d": [1, 2], "e": {}}"#) { root throws in
            #expect(try [root.text("a"), root.required("a")] == ["x", "x"])
            #expect(try [root.integer("b"), root.requiredInteger("b", within: 7...7)] == [7, 7])
            #expect(try [root.number("c"), root.requiredNumber("b")] == [0.5, 7])
            #expect(try root.list("d") { $0.integer } == [1, 2])
            #expect(try root.requiredMember("e").kind == .object)
        }
    }

    @Test func `an absent member and a null one are nil or empty, and missing if they are required`() throws {
        try read(#"{"null": null}"#) { root throws in
            #expect(try root.text("null") == nil)
            #expect(try [root.integer("absent"), root.integer("absent", within: 1...2)] == [nil, nil])
            #expect(try root.number("absent") == nil)
            #expect(try root.list("null") { $0.integer }.isEmpty)
        }
        let missing = JSONFieldError(.missing, "steps.task is missing")
        #expect(try fault("{}") { try $0.required("task", in: "steps") } == missing)
        #expect(try fault("{}") { try $0.requiredInteger("task", in: "steps") } == missing)
        #expect(try fault("{}") { try $0.requiredInteger("task", in: "steps", within: 0...1) } == missing)
        #expect(try fault("{}") { try $0.requiredNumber("task", in: "steps") } == missing)
        #expect(try fault(#"{"task": null}"#) { try $0.requiredMember("task", in: "steps") } == missing)
    }

    @Test func `a value of another type is named with its path, and not quoted`() throws {
        let text = #"{"a": true, "b": "CANARY"}"#
        func wrong(_ message: String) -> JSONFieldError { JSONFieldError(.wrongType, message) }
        #expect(try fault(text) { try $0.text("a") } == wrong("a must be a string"))
        #expect(try fault(text) { try $0.integer("b", in: "x") } == wrong("x.b must be a whole number"))
        #expect(try fault(text) { try $0.number("b") } == wrong("b must be a number"))
        #expect(try fault(text) { try $0.list("b") { $0.integer } } == wrong("b must be an array"))
        #expect(try fault(text) { try $0["b"]?.integer(at: "x[1]") } == wrong("x[1] must be a whole number"))
        #expect(try fault(text) { try $0["b"]?.number(at: "x[1]") } == wrong("x[1] must be a number"))
        #expect(try fault(text) { try $0["a"]?.text(at: "x[1]") } == wrong("x[1] must be a string"))
        #expect(try fault(text) { try $0["a"]?.elements(at: "x") } == wrong("x must be an array"))
    }

    @Test func `a number outside its range is an error that names the range`() throws {
        let fault = try fault(#"{"a": 3}"#) { try $0.integer("a", within: 0...2) }
        #expect(fault == JSONFieldError(.wrongType, "a must be a whole number from 0 to 2"))
    }

    @Test func `a member of what is no object is an error`() throws {
        #expect(try fault("[]") { try $0.text("a") }.message == "the value must hold objects")
        #expect(try fault("7") { try $0.list("a", in: "items") { $0.integer } }.message == "items must hold objects")
    }
}
