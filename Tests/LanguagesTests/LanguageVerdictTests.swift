import BuiltInCatalog
import Contracts
import Languages
import Testing

struct LanguageVerdictTests {
    private static let mood = Route(Capability(rawValue: "feedback"), "mood")

    private static func capability(
        _ languages: [String], _ full: [String] = [], unit: TaskDescription.Unit = .document, name: String = "feedback"
    ) -> CapabilityDescription {
        let task = TaskDescription(
            name: mood.task, title: "Mood", description: "Says how.", unit: unit, output: .text,
            comparator: .normalizedText, models: TaskModels(full: "full"))
        return CapabilityDescription(
            name: Capability(rawValue: name), title: "Feedback", description: "Reads.", languages: languages,
            fullLanguages: full, tasks: [task])
    }

    private func verdict(_ text: String, _ capability: CapabilityDescription) -> LanguageVerdict? {
        Catalog([capability]).languageVerdicts(on: [text], of: Self.mood).first
    }

    @Test(arguments: Catalog.builtIn.routes)
    func `every English sentence proceeds, whatever it is asked`(route: Route) {
        let verdicts = Catalog.builtIn.languageVerdicts(on: Sentences.english, of: route)
        #expect(verdicts == Sentences.english.map { _ in .proceed })
    }

    @Test func `built-in tasks about texts do not take German, and those about values take anything`() {
        for route in Catalog.builtIn.routes {
            let isValue = Catalog.builtIn[route]?.unit == .value
            #expect(
                Catalog.builtIn.languageVerdicts(on: Sentences.german, of: route)
                    == Sentences.german.map { _ in isValue ? .proceed : .unsupported(language: "de") }, "\(route)")
        }
    }

    @Test func `the languages of the full models decide what becomes of an item in another language`() {
        let (german, french) = (Sentences.german[0], Sentences.french[0])
        #expect(verdict(german, Self.capability(["en", "de"])) == .proceed)
        #expect(verdict(german, Self.capability(["en"], ["de"])) == .full(language: "de"))
        #expect(verdict(french, Self.capability(["en"], ["de"])) == .unsupported(language: "fr"))
        #expect(verdict(french, Self.capability(["en"], ["*"])) == .full(language: "fr"))
    }

    @Test func `without languages, and for a task that is not known, nothing is checked`() {
        #expect(verdict(Sentences.german[0], Self.capability([])) == .proceed)
        #expect(Catalog().languageVerdicts(on: Sentences.german, of: Self.mood).allSatisfy { $0 == .proceed })
    }

    @Test(arguments: TaskDescription.Unit.allCases)
    func `lines, values and audio are in no language`(unit: TaskDescription.Unit) {
        let isChecked = ![.line, .value, .audio].contains(unit)
        #expect(
            verdict(Sentences.german[0], Self.capability(["en"], unit: unit))
                == (isChecked ? .unsupported(language: "de") : .proceed))
    }

    @Test func `what is too short or in no language proceeds`() {
        for text in ["Guten Tag", "0123456789 0123456789"] {
            #expect(verdict(text, Self.capability(["en"])) == .proceed)
        }
    }

    @Test func `each item has its own verdict`() {
        let texts = [Sentences.english[0], Sentences.german[0], "Hm?"]
        #expect(
            Catalog([Self.capability(["en"])]).languageVerdicts(on: texts, of: Self.mood)
                == [.proceed, .unsupported(language: "de"), .proceed])
    }

    @Test func `a tag that has others counts as all of them`() {
        let norwegian = "Vennligst slå av lyset på kjøkkenet klokka ti, og husk å låse døra."
        #expect(verdict(norwegian, Self.capability(["nb"])) == .proceed)
    }

    @Test func `a text without a task is supported if any capability understands it`() {
        let (english, german) = (Self.capability(["en"]), Self.capability(["nl"], ["de"], name: "other"))
        func verdict(_ capabilities: [CapabilityDescription]) -> LanguageVerdict {
            Catalog(capabilities).languageVerdict(onUnrouted: Sentences.german[0])
        }
        #expect(verdict([english]) == .unsupported(language: "de"))
        #expect(verdict([english, german]) == .proceed)
        #expect(verdict([english, Self.capability([], name: "any")]) == .proceed)
        #expect(verdict([]) == .proceed)
        #expect(Catalog([english]).languageVerdict(onUnrouted: Sentences.english[0]) == .proceed)
    }
}
