import Testing

@testable import Inference

/// Tests the rules before the classifier with written examples. The golden file tests the classifier's decisions.
struct SplitterTests {
    private func forms(_ sentence: String) -> [String] {
        SplitterToken.all(in: Array(sentence.utf8)).map { String(decoding: $0.form, as: UTF8.self) }
    }

    @Test(arguments: [
        ("Pay 1,000 Dollars.", ["pay", "0", ",", "000", "dollars"]),
        ("a;b , c", ["a", ";", "b", ",", "c"]),
        ("What?! ...", ["what", "."]),
        ("\u{C4}ndere\u{A0}h\u{F6}re\tund", ["\u{C4}ndere\u{A0}h\u{F6}re", "und"]),
        (" \n", []),
    ])
    func `tokens are words in their form, commas and semicolons`(sentence: String, expected: [String]) {
        #expect(forms(sentence) == expected)
    }

    @Test(arguments: [
        ("play jazz and then book", [2..<4]),
        ("play jazz, and then book and stop", [2..<5, 6..<7]),
        ("and play jazz and", []),
        ("and and play", [1..<2]),
        ("play AND stop", [1..<2]),
        ("sandy beaches", []),
    ])
    func `candidates are the longest phrases with words on both sides`(sentence: String, expected: [Range<Int>]) {
        let phrases = SplitterPhrases(["and", "and then", ", and then", ","])
        #expect(phrases.candidates(in: SplitterToken.all(in: Array(sentence.utf8))) == expected)
    }

    @Test func `a feature's hash is FNV-1a of its bytes`() {
        // A known value of the function: "foobar"
        #expect(("foo" + "bar" as FeatureHash).value == 0xBF9C_F968)
        #expect(("l" + 12 + "=" + Array("x".utf8)).value == ("l12=x" as FeatureHash).value)
    }

    @Test func `a shape is the kind of a word's first byte`() {
        let shapes = SplitterToken.all(in: Array("Oslo oslo 7up \u{D8}ster".utf8)).map(\.shape)
        #expect(String(decoding: shapes, as: UTF8.self) == "Aa0-")
    }
}
