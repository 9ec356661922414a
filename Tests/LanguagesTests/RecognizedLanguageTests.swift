import Testing

@testable import Languages

struct RecognizedLanguageTests {
    @Test func `of sentences in twelve languages at least 98% are recognized`() {
        #expect(Sentences.all.count == 12 && Sentences.all.allSatisfy { $0.texts.count >= 10 })
        let cases = Sentences.all.flatMap { language, texts in texts.map { (language: language, text: $0) } }
        #expect(cases.allSatisfy { $0.text.unicodeScalars.count >= RecognizedLanguage.fewestCharacters })
        let wrong = cases.filter { RecognizedLanguage(of: $0.text)?.tag != $0.language }
        #expect(wrong.count * 100 <= 2 * cases.count, "\(wrong)")
    }

    @Test func `a sentence is recognized reliably`() {
        #expect(RecognizedLanguage(of: Sentences.german[0])?.isReliable == true)
    }

    @Test(arguments: ["", "Guten Tag", "Licht bitte aus, ja"])
    func `a text below twenty characters is too short to tell`(text: String) {
        #expect(RecognizedLanguage(of: text) == nil)
    }

    @Test(arguments: [
        "0123456789 0123456789 0123456789", "                        ", "{}[]()<>;;::==++--**//",
        "🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃",
    ])
    func `what is in no language is not recognized`(text: String) {
        #expect(RecognizedLanguage(of: text) == nil)
    }

    @Test func `control characters, among them NUL, hide no language`() {
        for control in ["\0", "\u{1}", "\n", "\u{7F}"] {
            let text = Sentences.german[0].replacing(" ", with: control)
            #expect(RecognizedLanguage(of: text)?.tag == "de", "\(control.debugDescription)")
        }
    }

    @Test(arguments: 0..<4)
    func `only the beginning of a long text is read, in whole characters`(offset: Int) {
        let russian = String(repeating: "x", count: offset) + String(repeating: Sentences.russian[0], count: 1000)
        let german = String(repeating: Sentences.german[0] + " ", count: 10_000)
        #expect(RecognizedLanguage(of: russian + german)?.tag == "ru")
    }

    @Test(arguments: ["nb": "no", "iw": "he", "en": "en"].sorted { $0.key < $1.key })
    func `several tags of one language are the same`(tag: String, canonical: String) {
        #expect(RecognizedLanguage.canonical(tag) == canonical)
    }

    @Test func `Hebrew has its tag of today`() {
        #expect(RecognizedLanguage(of: "אנא כבה את האור במטבח בשעה עשר בערב")?.tag == "he")
    }

    @Test func `many threads recognize at once what one does`() async {
        let cases = Sentences.all.flatMap(\.texts)
        let expected = cases.map { RecognizedLanguage(of: $0) }
        await withTaskGroup(of: [RecognizedLanguage?].self) { group in
            for _ in 0..<16 { group.addTask { cases.map { RecognizedLanguage(of: $0) } } }
            for await found in group { #expect(found == expected) }
        }
    }
}
