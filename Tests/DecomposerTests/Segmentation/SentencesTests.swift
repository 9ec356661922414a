import Testing

@testable import Decomposer

struct SentencesTests {
    private func sentences(_ text: Substring) -> [String] {
        Sentences.ranges(in: text).map { String(text[$0]) }
    }

    @Test(arguments: [
        ("", []), ("  ", []), ("One", ["One"]), ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (" One.  Two. ", ["One.", "Two."]), ("It costs 3.50 dollars. Fine.", ["It costs 3.50 dollars.", "Fine."]),
        ("He said \"Stop. Now.\" Then he left.", ["He said \"Stop.", "Now.\"", "Then he left."]),
        ("これは文です。次の文です。", ["これは文です。", "次の文です。"]), ("Hello 👋🏽. Good e\u{301}tude.", ["Hello 👋🏽.", "Good e\u{301}tude."]),
        ("a\u{0}b. C.", ["a\u{0}b.", "C."]),
        ("A heading\nand its text. More.", ["A heading", "and its text.", "More."]),
        (
            "This line is certainly long enough to have been\nwrapped by an editor that keeps to a width of\r\nsome columns. On.",
            [
                "This line is certainly long enough to have been\nwrapped by an editor that keeps to a width of\r\nsome columns.",
                "On.",
            ]
        ),
    ])
    func `text is cut where a sentence ends`(text: String, expected: [String]) {
        #expect(sentences(text[...]) == expected)
    }

    @Test func `a part of a text is cut as the part alone`() {
        let text = "Émile. One. Two. Three."
        let part = text.dropFirst(7).dropLast(7)
        #expect(sentences(part) == ["One.", "Two."])
    }
}
