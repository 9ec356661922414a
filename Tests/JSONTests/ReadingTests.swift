import JSON
import Testing

@Suite struct ReadingTests {
    @Test(
        arguments: [
            ("0", 0), ("-1", -1), ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
            ("9223372036854775808", nil), ("1.0", nil), ("1e2", nil), ("\"1\"", nil), ("true", nil), ("null", nil),
        ] as [(String, Int?)])
    func `an integer is what fits one word and is written as one`(text: String, expected: Int?) throws {
        #expect(try JSONDocument.read(text.utf8) { $0.integer } == expected)
    }

    @Test(
        arguments: [
            ("0.5", 0.5), ("-2", -2), ("1e300", 1e300), ("9223372036854775808", 9_223_372_036_854_775_808),
            ("2.5e-300", 2.5e-300), ("\"1\"", nil), ("false", nil),
        ] as [(String, Double?)])
    func `a double is any number`(text: String, expected: Double?) throws {
        #expect(try JSONDocument.read(text.utf8) { $0.double } == expected)
    }

    @Test func `the first of repeated members counts, and forEachMember shows all`() throws {
        let text = #"{"a": 1, "b": {"a": 9, "x": [1, {"a": 8}]}, "a": 2, "c": 3.5, "d": -1}"#
        try JSONDocument.read(text.utf8) { root in
            #expect(root["a"]?.integer == 1)
            #expect(root["c"]?.double == 3.5)
            #expect(root["d"]?.integer == -1)
            #expect(root["missing"] == nil)
            var names: [String] = []
            root.forEachMember { name, _ in names.append(name) }
            #expect(names == ["a", "b", "a", "c", "d"])
        }
    }

    @Test func `an absent member and a null one are the same`() throws {
        try JSONDocument.read(#"{"a": null, "b": [null]}"#.utf8) { root in
            #expect(root["a"] == nil)
            #expect(root["b"]?.map(\.isNull) == [true])
        }
    }

    @Test func `reading a value as another type gives nil`() throws {
        try JSONDocument.read(#"[{}, "s", 1, 1.5, true, null]"#.utf8) { root in
            #expect(root["a"] == nil)
            #expect(root.string == nil)
            #expect(root.map(\.kind) == [.object, .string, .integer, .double, .bool, .null])
            #expect(root.map { $0.map { _ in 0 } == nil } == [true, true, true, true, true, true])
            #expect(root.map(\.bool) == [nil, nil, nil, nil, true, nil])
            var count = 0
            root.forEachMember { _, _ in count += 1 }
            #expect(count == 0)
        }
    }

    @Test(arguments: [
        (#""\u0041\n\t\/\\\"""#, "A\n\t/\\\""), (#""\ud83d\ude00""#, "😀"), (#""a\u0000b""#, "a\0b"), (#""""#, ""),
        ("\"e\u{301}\"", "e\u{301}"),
    ])
    func `a string is unescaped and otherwise kept byte for byte`(text: String, expected: String) throws {
        let read = try JSONDocument.read(text.utf8) { $0.string }
        #expect(read.map { Array($0.utf8) } == Array(expected.utf8))
    }

    @Test func `a string of a mebibyte is read whole`() throws {
        let long = String(repeating: "0123456789abcde\n", count: 1 << 16)
        var writer = JSONWriter()
        writer.object { $0.member("text", long) }
        #expect(try JSONDocument.read(writer.bytes) { $0["text"]?.string } == long)
    }

    @Test func `a document read inside another one leaves the outer one alone`() throws {
        let inner = #"{"a": "inner", "b": [1, 2, 3]}"#
        let outer = #"{"x": "first", "y": {"z": "second"}}"#
        try JSONDocument.read(outer.utf8) { root in
            let found = try JSONDocument.read(inner.utf8) { nested in
                try JSONDocument.read("[true]".utf8) { #expect($0.map(\.bool) == [true]) }
                return nested["b"]?.map(\.integer)
            }
            #expect(found == [1, 2, 3])
            #expect(root["x"]?.string == "first")
            #expect(root["y"]?["z"]?.string == "second")
        }
    }

    @Test func `an error of the body is thrown, and the parser is returned`() throws {
        struct Refused: Error {}
        for _ in 0..<100 {
            #expect(throws: Refused.self) { try JSONDocument.read("{}".utf8) { _ in throw Refused() } }
        }
        #expect(try JSONDocument.read("{}".utf8) { $0.kind } == .object)
    }
}
