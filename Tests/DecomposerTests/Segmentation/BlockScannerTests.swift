import Testing

@testable import Decomposer

struct BlockScannerTests {
    private func blocks(_ text: String, isProse: Bool = true) -> [String] {
        BlockScanner.blocks(of: text, isProse: isProse).map { block in
            let mark =
                switch block.kind {
                case .prose: "p"
                case .quotation: "q"
                case .dataLine: "d"
                }
            return "\(mark):\(text[block.range])"
        }
    }

    @Test(arguments: [
        ("", []), (" \n\t\r\n ", []), ("one", ["p:one"]), ("  one  ", ["p:one"]), ("one\ntwo", ["p:one\ntwo"]),
        ("one\n\ntwo", ["p:one", "p:two"]), ("one\n \t\ntwo", ["p:one", "p:two"]),
        ("\n\none\n\n\n\ntwo\n\n", ["p:one", "p:two"]), ("one\r\ntwo\r\n\r\nthree\r\n", ["p:one\r\ntwo", "p:three"]),
        ("one\r\rtwo", ["p:one", "p:two"]),
    ])
    func `paragraphs end at blank lines`(text: String, expected: [String]) {
        #expect(blocks(text) == expected)
    }

    @Test(arguments: [
        ("- one\n- two", ["p:one", "p:two"]), ("* one\n+ two\n• three", ["p:one", "p:two", "p:three"]),
        ("1. one\n2) two\n10. ten", ["p:one", "p:two", "p:ten"]),
        ("Do:\n- one\n- two\nThen rest", ["p:Do:", "p:one", "p:two", "p:Then rest"]),
        ("  - one\r\n\t- two", ["p:one", "p:two"]), ("-one", ["p:-one"]), ("-5 degrees", ["p:-5 degrees"]),
        ("1.5 litres", ["p:1.5 litres"]), ("2024 was good", ["p:2024 was good"]), ("- ", ["p:-"]),
        ("1234567890. one", ["p:1234567890. one"]),
    ])
    func `a line of a list is a block without its mark`(text: String, expected: [String]) {
        #expect(blocks(text) == expected)
    }

    @Test(arguments: [
        ("> one\n> two", ["q:one\n> two"]), ("> one\n\n> two", ["q:one", "q:two"]),
        ("said:\n> one\nreply", ["p:said:", "q:one", "p:reply"]),
        (">one\r\n>two", ["q:one\r\n>two"]), (">\n>", ["q:>"]), ("> one\n- two", ["q:one", "p:two"]),
    ])
    func `quoted lines stay together`(text: String, expected: [String]) {
        #expect(blocks(text) == expected)
    }

    @Test(arguments: [
        ("```\nlet a = 1\n\nlet b = 2\n```", ["q:let a = 1\n\nlet b = 2"]),
        ("See:\n```swift\n- x\n> y\n```\nDone", ["p:See:", "q:- x\n> y", "p:Done"]),
        ("```\r\na\r\n```\r\nb", ["q:a", "p:b"]), ("```\n```", []), ("a\n```\nb\n\nc", ["p:a", "q:b\n\nc"]),
        ("  ```\nb\n  ```", ["q:b"]),
    ])
    func `a fence is one block, also where it is never closed`(text: String, expected: [String]) {
        #expect(blocks(text) == expected)
    }

    @Test(arguments: [
        ("```code``` is broken\nfix it", ["p:```code``` is broken\nfix it"]), ("a\n```b```\nc", ["p:a\n```b```\nc"]),
    ])
    func `code within a line opens no fence`(text: String, expected: [String]) {
        #expect(blocks(text) == expected)
    }

    @Test(arguments: [
        ("a,b\n1,2\n\n3,4", ["d:a,b", "d:1,2", "d:3,4"]), ("- a\r\n> b\r\n```", ["d:- a", "d:> b", "d:```"]),
        ("\n \n", []),
    ])
    func `data is read line by line`(text: String, expected: [String]) {
        #expect(blocks(text, isProse: false) == expected)
    }

    @Test func `blocks never overlap and come in the order of the text`() {
        let text = "one\n\n- two\n> three\n> four\n```\nfive\n```\nsix\n"
        let ranges = BlockScanner.blocks(of: text, isProse: true).map(\.range)
        #expect(ranges.count == 5)
        for (range, next) in zip(ranges, ranges.dropFirst()) { #expect(range.upperBound <= next.lowerBound) }
    }
}
