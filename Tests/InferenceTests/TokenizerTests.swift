import Testing

@testable import Inference

/// Written examples of what the golden file tests by the thousand, so that a failure is easy to understand.
struct TokenizerTests {
    let tokenizer: WordPieceTokenizer

    init() throws { tokenizer = try TinyModel.tokenizer() }

    @Test(arguments: [
        ("", []),
        ("unaffable", ["un", "##aff", "##able"]),
        ("Playing JAZZ", ["play", "##ing", "jazz"]),
        ("jazz,and.jazz", ["jazz", ",", "and", ".", "jazz"]),
        ("pl\u{E0}ying", ["play", "##ing"]),
        ("pla\u{300}ying", ["play", "##ing"]),
        ("jazz\u{A0}and\u{3000}jazz", ["jazz", "and", "jazz"]),
        ("ja\u{0}z\u{200B}z\u{FFFD}", ["jazz"]),
        ("jazz\tand\njazz\r", ["jazz", "and", "jazz"]),
        ("jazz中jazz", ["jazz", "中", "jazz"]),
        ("\u{212A}", ["k"]),
        ("\u{FF0C}", ["[UNK]"]),
        ("zebra", ["[UNK]"]),
        ("don't", ["[UNK]", "'", "t"]),
        ("[SEP]", ["[UNK]", "[UNK]", "[UNK]"]),
        ("##ing", ["[UNK]", "[UNK]", "[UNK]"]),
    ])
    func `a text becomes the reference's pieces`(text: String, pieces: [String]) {
        let ids = tokenizer.encode(text, maxTokens: 64)
        #expect(ids.map { TinyModel.pieces[Int($0)] } == ["[CLS]"] + pieces + ["[SEP]"])
    }

    @Test func `a word of more than a hundred characters is unknown`() {
        let word = "un" + String(repeating: "aff", count: 32)
        #expect(tokenizer.encode(word + "affa", maxTokens: 64).count == 3)
        #expect(tokenizer.encode(word, maxTokens: 64).count == 35)
    }

    @Test(arguments: 2...6)
    func `a long text keeps its first pieces between the separators`(limit: Int) {
        let whole = tokenizer.encode("unaffable jazz and playing", maxTokens: 64)
        let cut = tokenizer.encode("unaffable jazz and playing", maxTokens: limit)
        #expect(cut == whole.prefix(limit - 1) + [whole[whole.count - 1]])
    }

    @Test func `text that is no UTF-8 in memory is read all the same`() {
        let bridged = String(decoding: Array("中 jazz".utf16), as: UTF16.self)
        #expect(tokenizer.encode(bridged, maxTokens: 9) == tokenizer.encode("中 jazz", maxTokens: 9))
    }
}
