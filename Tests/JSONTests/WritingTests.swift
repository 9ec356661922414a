import JSON
import Testing

@Suite struct WritingTests {
    @Test(arguments: [
        0, 1, 9, 10, -1, -10, 99, 100, 12345, Int.max, Int.min, Int.max - 1, Int.min + 1,
    ])
    func `an integer is written in decimal`(value: Int) {
        #expect(written { $0.integer(value) } == "\(value)")
    }

    @Test func `integers of every width are written whole`() {
        #expect(written { $0.integer(UInt64.max) } == "18446744073709551615")
        #expect(written { $0.integer(Int128.min) } == "\(Int128.min)")
        #expect(written { $0.integer(UInt8.max) } == "255")
    }

    @Test(arguments: [
        ("plain", #""plain""#), ("", #""""#), ("\"\\", #""\"\\""#), ("a\nb\u{1}c\u{1F}", #""a\nb\u0001c\u001f""#),
        ("\n", #""\n""#), ("größe 😀\u{7F}", "\"größe 😀\u{7F}\""), ("\"x", #""\"x""#), ("x\"", #""x\"""#),
        ("\0", #""\u0000""#),
    ])
    func `only what JSON demands is escaped`(value: String, expected: String) {
        #expect(written { $0.string(value) } == expected)
    }

    @Test func `commas stand between values and nowhere else`() {
        let text = written { writer in
            writer.object { object in
                object.member("a", 1)
                object.member("b", nil as String?)
                object.name("c")
                object.array { array in
                    array.object { _ in }
                    array.array { _ in }
                    array.null()
                    array.bool(false)
                }
                object.member("d", "x")
            }
        }
        #expect(text == #"{"a":1,"c":[{},[],null,false],"d":"x"}"#)
    }

    @Test func `a number that JSON does not know becomes null`() {
        for value in [Double.nan, .infinity, -.infinity] {
            #expect(written { $0.double(value) } == "null")
            #expect(written { $0.probability(value) } == "null")
        }
    }

    @Test(arguments: [0, 1, 0.5, 1.0 / 3, 0.999_999_4, 1e-9])
    func `a probability keeps six decimals`(value: Double) throws {
        let text = written { $0.probability(value) }
        let read = try JSONDocument.read(text.utf8) { $0.double }
        #expect(abs(try #require(read) - value) <= 0.5e-6)
        #expect(text.utf8.count <= 8)
    }

    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return writer.text
    }
}
