import JSON
import Testing

@Suite struct StrictnessTests {
    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "{\"a\"}", "[1 2]", "nul", "True", "// 1", "[1]//",
        "01", "+1", "1.", ".5", "1e", "- 1", "0x10", "NaN", "Infinity", "\"a", "\"\\x41\"", "\"\\u12\"", "\"\\",
        "[1][2]", "{} {}", "1 2", "{\"a\":1}]", "\u{FEFF}{}", "1e400", "18446744073709551616", "-9223372036854775809",
    ])
    func `bytes that are not exactly one JSON value are refused`(text: String) {
        #expect(throws: JSONError.self) { try JSONDocument.read(text.utf8) { _ in } }
    }

    @Test(arguments: [
        [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
        [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0x80, 0x22], [0x7B, 0xFF, 0x7D],
    ])
    func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONDocument.read(bytes) { _ in } }
    }

    @Test(arguments: [#""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\u0041""#, #""\ud800\ud800""#])
    func `half a surrogate pair is refused`(text: String) {
        #expect(throws: JSONError.self) { try JSONDocument.read(text.utf8) { _ in } }
    }

    @Test(arguments: [0x00, 0x01, 0x09, 0x0A, 0x1F] as [UInt8])
    func `a control character inside a string is refused unless escaped`(byte: UInt8) throws {
        #expect(throws: JSONError.self) { try JSONDocument.read([0x22, byte, 0x22]) { _ in } }
        var writer = JSONWriter()
        writer.string(String(UnicodeScalar(byte)))
        #expect(try JSONDocument.read(writer.bytes) { $0.string } == String(UnicodeScalar(byte)))
    }

    @Test func `a NUL after the document is trailing garbage`() {
        #expect(throws: JSONError.self) { try JSONDocument.read(Array("{}".utf8) + [0]) { _ in } }
    }

    @Test func `containers may nest sixty levels but not a hundred`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try JSONDocument.read(nested(60).utf8) { $0.kind } == .array)
        for depth in [100, 10_000, 1_000_000] {
            #expect(throws: JSONError.self) { try JSONDocument.read(nested(depth).utf8) { _ in } }
        }
    }

    @Test func `an error never quotes the document`() {
        let error = #expect(throws: JSONError.self) { try JSONDocument.read("[\"hunter2\",]".utf8) { _ in } }
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func `a refused document leaves nothing behind for the next one`() throws {
        for _ in 0..<100 {
            #expect(throws: JSONError.self) { try JSONDocument.read("[1,[2,{\"a\":".utf8) { _ in } }
            #expect(try JSONDocument.read("[7]".utf8) { $0.map(\.integer) } == [7])
        }
    }
}
