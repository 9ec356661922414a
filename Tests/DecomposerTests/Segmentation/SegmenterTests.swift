import Contracts
import Inference
import TestKit
import Testing

@testable import Decomposer

struct SegmenterTests {
    /// Splits at " and ", like the trained splitter. Like that one, it leaves no empty part.
    private static let atAnd: @Sendable (String) -> [Range<String.Index>] = { sentence in
        var parts: [Range<String.Index>] = []
        var start = sentence.startIndex
        while let range = sentence[start...].firstRange(of: " and ") {
            parts.append(start..<range.lowerBound)
            start = range.upperBound
        }
        return (parts + [start..<sentence.endIndex]).filter { !$0.isEmpty }
    }

    private func segments(_ text: String?, _ attachments: [Contracts.Attachment] = []) -> [Segment] {
        Segmenter(parts: Self.atAnd).segments(
            of: Request(eventID: "e", channel: .human, text: text, attachments: attachments))
    }

    private func parts(_ text: String?, _ attachments: [Contracts.Attachment] = []) -> [[String]] {
        segments(text, attachments).flatMap { $0.sentences.map { $0.parts.map(\.text) } }
    }

    @Test func `a compound sentence knows its whole and its parts`() {
        let segment = segments("Play jazz and dim the lights. Thanks.")
        #expect(segment.map(\.whole.text) == ["Play jazz and dim the lights. Thanks."])
        #expect(segment.first?.sentences.map(\.whole.text) == ["Play jazz and dim the lights.", "Thanks."])
        #expect(
            segment.first?.sentences.map { $0.parts.map(\.text) } == [["Play jazz", "dim the lights."], ["Thanks."]])
        #expect(segment.first?.sentences.first?.parts.last?.span == Item.Span(14, 29))
    }

    @Test(arguments: [
        "Say \"salt and pepper\" now", "Say `salt and pepper` now", "Say “salt and pepper” now",
        "Say «salt and pepper» now",
        "Say „salt and pepper“ now",
    ])
    func `what stands in quotation marks is not cut`(text: String) {
        #expect(parts(text) == [[text]])
        #expect(parts(text + " and go") == [[text, "go"]])
    }

    @Test func `a sentence too long for a wish is not given to the splitter`() {
        let sentence = Array(repeating: "one and two", count: 200).joined(separator: ", ")
        #expect(parts(sentence) == [[sentence]])
    }

    @Test func `a sentence that the splitter leaves nothing of stays whole`() {
        let request = Request(eventID: "e", channel: .human, text: "And. Go.")
        let segments = Segmenter { $0 == "And." ? [] : [$0.startIndex..<$0.endIndex] }.segments(of: request)
        #expect(segments.flatMap { $0.sentences.flatMap { $0.parts.map(\.text) } } == ["And.", "Go."])
    }

    @Test(arguments: ["And", "and then", "...", "👍", "?!", "and, also"])
    func `with the repository's splitter no part of a text is lost either`(text: String) throws {
        let splitter = try Splitter(directory: Tree.model("splitter"))
        let request = Request(eventID: "e", channel: .human, text: text)
        let segments = Segmenter { splitter.split($0) }.segments(of: request)
        #expect(!segments.flatMap { $0.sentences.flatMap(\.parts) }.isEmpty)
    }

    @Test(arguments: ["> a and b. C and d.", "```\na and b. C and d.\n```"])
    func `a quotation is one item`(text: String) {
        #expect(parts(text) == [["a and b. C and d."]])
    }

    @Test func `an attachment of prose is cut into sentences and no further`() {
        let attachment = Contracts.Attachment(
            name: "contract.txt", mediaType: "Text/Plain; charset=utf-8", text: "A and b. C.")
        #expect(parts(nil, [attachment]) == [["A and b."], ["C."]])
        #expect(segments(nil, [attachment]).map(\.whole.source) == ["contract.txt"])
    }

    @Test(arguments: ["text/csv", "application/json", "text/uri-list", ""])
    func `an attachment of data is cut into lines`(mediaType: String) {
        let attachment = Contracts.Attachment(name: "log", mediaType: mediaType, text: "A and b. C.\r\n\r\nD")
        #expect(parts(nil, [attachment]) == [["A and b. C."], ["D"]])
    }

    @Test func `the text comes before the attachments`() {
        let attachments = ["x", "y"].map { Contracts.Attachment(name: $0, mediaType: "text/plain", text: "in \($0)") }
        #expect(segments("own", attachments).map(\.whole.text) == ["own", "in x", "in y"])
        #expect(segments("own", attachments).map(\.whole.source) == [nil, "x", "y"])
    }

    /// For every input, a span in code points selects exactly the item's text from its source.
    @Test(arguments: UInt64(0)..<300)
    func `every span cuts its item out of its source`(seed: UInt64) {
        var generator = Seeded(seed)
        let alphabet = [
            "a", "B", " ", " ", "\n", "\r\n", "\n\n", ". ", "! ", "? ", " and ", "- ", "> ", "```", "1. ", "\"", "“",
            "”", "`",
            "e\u{301}", "\u{301}", "\u{200D}", "👩🏽‍🚀", "🇪🇺", "🇪", "漢", "。", "\u{0}", "\t", "\u{2028}", "\u{85}", "\u{A0}",
            "\u{FEFF}",
            "ﷺ", "\u{0600}", "क्षि", "각", "\u{1F3FD}", "*", "•", "）", ":",
        ]
        func text() -> String {
            (0..<Int.random(in: 1...60, using: &generator))
                .map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] }.joined()
        }
        let own = text()
        let attachment = Contracts.Attachment(
            name: "a", mediaType: ["text/plain", "text/csv"][Int(seed % 2)], text: text())
        for segment in segments(own, [attachment]) {
            let items = [segment.whole] + segment.sentences.flatMap { [$0.whole] + $0.parts }
            for item in items {
                let source = Array((item.source == nil ? own : attachment.text).unicodeScalars)
                guard let span = item.span, 0 <= span.start, span.start < span.end, span.end <= source.count else {
                    Issue.record("no span for \(item.text.debugDescription) in \(own.debugDescription)")
                    continue
                }
                #expect(Array(item.text.unicodeScalars) == Array(source[span.start..<span.end]))
            }
        }
    }
}
