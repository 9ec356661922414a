import PostgresStore
import Testing

@testable import CLI

struct TableTests {
    private let table = Table(
        columns: ["name", "n", "note"],
        rows: [[.text("a\"é"), .number("1200"), .none], [.text("long name"), .number("7"), .text("x")]])

    @Test func `people read columns, words to the left and numbers to the right`() {
        #expect(
            table.text(fitting: nil) == """
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
        #expect(empty.text(fitting: 3) == "a  b")
        #expect(empty.json == "[]")
    }

    @Test(arguments: [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("a\nb\r\nc", 9, "a b c"), ("", 3, ""), ("👩🏽‍🚀👩🏽‍🚀👩🏽‍🚀", 4, "👩🏽‍🚀…")])
    func `a text is shortened to one line`(text: String, width: Int, expected: String) {
        #expect(text.shortened(to: width) == expected)
    }

    private let long = Table(
        columns: ["check", "verdict", "items_counted", "advice"],
        rows: [
            [.text("broker"), .text("ok"), .number("123456789"), .none],
            [
                .text("topics"), .text("bad"), .number("7"),
                .text("run 'winnow topics create', or set WINNOW_TOPICS_FILE to another file"),
            ],
        ])

    @Test func `words are wrapped and headings are broken where a table is too wide`() {
        #expect(
            long.text(fitting: 50) == """
                check   verdict     items_  advice
                                   counted
                broker  ok       123456789
                topics  bad              7  run 'winnow topics
                                            create', or set
                                            WINNOW_TOPICS_FILE to
                                            another file
                """)
    }

    @Test func `columns for which there is no room follow with the first one again`() {
        let text = long.text(fitting: 26)
        #expect(text.split(separator: "\n\n").count == 2)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 26 })
        for word in ["123456789", "'winnow", "TOPICS_", "file"] { #expect(text.contains(word)) }
        #expect(text.contains("\n\ncheck   advice"))
    }

    @Test(arguments: [1, 2, 5, 10, 40, 79, 80, 200])
    func `no width loses a number or a word`(width: Int) {
        let text = long.text(fitting: width).filter { !$0.isWhitespace }
        for word in ["123456789", "broker", "verdict", "winnow"] { #expect(text.contains(word)) }
    }

    @Test func `a value from outside stays in its cell`() {
        let table = Table(columns: ["tenant", "n"], rows: [[.text("a\nb\u{1B}[2J\u{202E}"), .number("1")]])
        #expect(table.text(fitting: nil).split(separator: "\n").count == 2)
        #expect(table.text(fitting: nil).contains(#"a\nb\u001B[2J\u202E  1"#))
        #expect(table.json == #"[{"tenant":"a\nb\u001b[2J\#u{202E}","n":1}]"#)
    }

    @Test func `wide characters take two columns`() {
        let table = Table(columns: ["a", "b"], rows: [[.text("漢字"), .text("x")], [.text("abcd"), .text("y")]])
        #expect(table.text(fitting: nil) == "a     b\n漢字  x\nabcd  y")
    }

    private func report(_ amounts: [String?]) -> OperationsReport {
        OperationsReport(
            columns: [.init("what"), .number("cost_pico_usd"), .number("cost_usd"), .number("usd")],
            rows: amounts.map { ["x", $0, "unread", "7"] })
    }

    @Test func `people read each amount once, in nano-USD where all of a column is small`() {
        #expect(
            Table(forPeople: report(["2774", nil, "-999999999"])).text(fitting: nil) == """
                what  cost_nano_usd  usd
                x             2.774    7
                x                      7
                x       -999999.999    7
                """)
        #expect(
            Table(forPeople: report(["2774", "1500000000000"])).text(fitting: nil) == """
                what  cost_usd  usd
                x     0.000000    7
                x     1.500000    7
                """)
        #expect(Table(report(["2774"])).columns == ["what", "cost_pico_usd", "cost_usd", "usd"])
    }

    @Test func `a CSV field is quoted where it must be`() {
        let report = OperationsReport(columns: [.init("a"), .init("b")], rows: [["x,\"y\"", nil], ["1\n2", "z"]])
        #expect(report.csv == "a,b\n\"x,\"\"y\"\"\",\n\"1\n2\",z")
    }
}
