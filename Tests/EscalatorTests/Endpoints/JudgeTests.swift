import Contracts
import Models
import Synchronization
import Testing

@testable import Escalator

/// A model that says whether two answers say the same.
struct JudgeTests {
    private static let route = Route(Capability(rawValue: "feedback"), "summary")
    private static let task = TaskDescription(
        name: "summary", title: "Summary", description: "Sums up the message.", unit: .document, output: .text,
        comparator: .judge, models: TaskModels(small: "endpoint:little", full: "endpoint:big", judge: "endpoint:fair"))

    private func verdicts(
        _ pairs: [Judge.Pair], _ says: @escaping @Sendable (_ text: String, _ number: Int) -> String
    ) async throws -> (verdicts: [Bool], texts: [String]) {
        let model = ScriptedModel("endpoint:fair") { text, number in .answers(.label(says(text, number))) }
        let asked: Models.Question? = .init(judging: Self.task, of: Self.route)
        let question = try #require(asked)
        let outputs = try await model.answer(Judge.inputs(pairs).map { .text($0) }, as: question)
        return (Judge.verdicts(outputs), model.texts)
    }

    private let pair = Judge.Pair(input: "The lamp broke.", .text("Lamp broken."), .text("It is broken."))

    @Test func `it is asked in both orders, and both times must find no difference`() async throws {
        let agreeing = try await verdicts([pair, pair]) { _, _ in "same" }
        #expect(agreeing.verdicts == [true, true])
        #expect(
            agreeing.texts.prefix(2) == [
                #"{"input":"The lamp broke.","first":"Lamp broken.","second":"It is broken."}"#,
                #"{"input":"The lamp broke.","first":"It is broken.","second":"Lamp broken."}"#,
            ])
        // One that prefers what stands first.
        #expect(try await verdicts([pair]) { _, number in number == 1 ? "same" : "different" }.verdicts == [false])
        #expect(try await verdicts([pair]) { _, number in number == 2 ? "same" : "different" }.verdicts == [false])
        #expect(try await verdicts([pair]) { _, _ in "different" }.verdicts == [false])
        #expect(Judge.verdicts([nil, nil]) == [false])
    }

    @Test func `it is not told which model has given which answer`() throws {
        let asked: Models.Question? = .init(judging: Self.task, of: Self.route)
        let question = try #require(asked)
        let words = "\(question.task) \(question.description) \(Judge.inputs([pair]).joined())"
        for word in ["little", "big", "small", "full", "model"] { #expect(!words.contains(word), "\(word)") }
    }

    @Test func `its version is one of the task and of its own file, and a task without it has none`() {
        func catalog(_ task: TaskDescription, _ version: String = "1") -> Catalog {
            Catalog(
                [
                    CapabilityDescription(
                        name: Self.route.capability, title: "Feedback", description: "Reads.", tasks: [task])
                ], endpoints: [EndpointDescription(name: "fair", version: version, file: "{}")])
        }
        var other = Self.task
        other.description = "Sums up the message in one sentence."
        let versions = [
            catalog(Self.task).judge(of: Self.route), catalog(other).judge(of: Self.route),
            catalog(Self.task, "2").judge(of: Self.route),
        ]
        #expect(Set(versions).count == 3)
        #expect(versions.allSatisfy { $0?.name == "endpoint:fair" })
        var plain = Self.task
        plain.comparator = .normalizedText
        #expect(catalog(plain).judge(of: Self.route) == nil)
    }
}
