import Testing

@testable import CLI

struct TableTests {
    private let table = Table(
        columns: ["name", "n", "note"],
        rows: [[.text("a\"é"), .number("1200"), .none], [.text("long name"), .number("7"), .text("x")]])

    @Test func `people read columns, words to the left and numbers to the right`() {
        #expect(
            table.text == """
                name          n  note
                a"é        1200
                long name     7  x
                """)
    }

    @Test func `programs read an object a row`() {
        #expect(table.json == #"[{"name":"a\"é","n":1200,"note":null},{"name":"long name","n":7,"note":"x"}]"#)
    }

    @Test func `a table without rows is its heading, or an empty array`() {
        let empty = Table(columns: ["a", "b"], rows: [])
        #expect(empty.text == "a  b")
        #expect(empty.json == "[]")
    }

    @Test(arguments: [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a\nb\r\nc", 9, "a b c"), ("", 3, ""), ("👩🏽‍🚀👩🏽‍🚀👩🏽‍🚀", 2, "👩🏽‍🚀…")])
    func `a text is shortened to one line`(text: String, width: Int, expected: String) {
        #expect(text.shortened(to: width) == expected)
    }
}
