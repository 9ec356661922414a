import JSON
import Testing

@testable import CLI

/// `winnow explain`, with the router of the repository.
struct ExplainVerbTests {
    private struct Part: Equatable {
        let text: String
        let routes: [String]
        let rest: String?
        var source: String?
    }

    private static let intent = "semantic-understanding/intent"

    /// The parts of each request, without line ends at their ends.
    private func parts(_ output: String) throws -> [[Part]] {
        try output.split(separator: "\n").map { line in
            try JSONDocument.read(Array(line.utf8)) { root in
                root["parts"]?.map { part in
                    Part(
                        text: part["text"]?.string ?? "", routes: part["routes"]?.map { $0.string ?? "" } ?? [],
                        rest: part["rest"]?.string, source: part["source"]?.string)
                } ?? []
            }
        }
    }

    @Test func `each part is shown in order, with what becomes of it`() async throws {
        let text = "Hello Sven,\n\nwhat is my balance. set a timer for ten minutes.\n\nThanks"
        let result = try await Command.winnow(["explain", text, "--json"])
        #expect(result.status == 0, "\(result.errors)")
        let parts = try #require(try parts(result.output).first)
        #expect(
            parts.map(\.text).joined(separator: " ").filter { !$0.isWhitespace } == text.filter { !$0.isWhitespace })
        #expect(
            parts.filter { $0.routes == [Self.intent] }.map(\.text) == [
                "what is my balance.", "set a timer for ten minutes.",
            ])
        #expect(parts.first?.text.hasPrefix("Hello") == true && parts.first?.routes == [])
    }

    @Test func `the scores of an item are those by which it is routed`() async throws {
        let result = try await Command.winnow(["explain", "set a timer for ten minutes", "--json"])
        try JSONDocument.read(Array(result.output.utf8)) { root in
            let part = try #require(root["parts"]?.map(\.self)?.first)
            #expect(try #require(part["confidence"]?.double) >= #require(part["threshold"]?.double))
            #expect(part["why"]?.string == "sure of its tasks" && part["rest"]?.string == "nothing")
            let scores = part["scores"]?.map {
                ($0["route"]?.string, $0["probability"]?.double, $0["threshold"]?.double)
            }
            #expect(scores?.count == 6 && scores?.first?.0 == Self.intent)
            let given = scores?.filter { ($0.1 ?? 0) >= ($0.2 ?? 1) }.map(\.0)
            #expect(given == [Self.intent])
        }
    }

    @Test func `a text in the language of no capability is shown as such`() async throws {
        let text = "Ich hätte gern gewusst, wann meine Bestellung bei mir ankommt, denn ich warte schon lange."
        let result = try await Command.winnow(["explain", text, "--json"])
        // The router may be sure of the task all the same. Then the task's worker says it.
        let why = ["its language is de", "no model of \(Self.intent) understands de, which is the answer"]
        #expect(why.contains { result.output.contains($0) }, "\(result.output)")
        #expect(result.output.contains(#""language":"de""#))
    }

    @Test func `a file has a request on each line, and one that cannot be explained hides no other`() async throws {
        let lines = """
            {"text": "Sort these", "attachments": [{"name": "a", "mediaType": "text/plain", "text": "play some music"}]}
            {"channel": "machine", "steps": [{"capability": "legal-services", "task": "clause-type", "items": ["x"]}]}
            {"text": 7}
            {"text": "play some music"}
            """
        let result = try await Command.winnow(["explain", "--file", "-", "--json"], input: lines)
        #expect(result.status == 1)
        let requests = try parts(result.output)
        #expect(requests.count == 2)
        #expect(requests.first?.contains { $0.source == "a" && $0.text == "play some music" } == true)
        #expect(requests.last?.map(\.text) == ["play some music"])
        let complaints = result.errors.split(separator: "\n")
        #expect(complaints.count == 2, "\(complaints)")
        #expect(complaints.first?.contains("line 2: ") == true && complaints.last?.contains("line 3: ") == true)
    }

    @Test func `people get a table`() async throws {
        let result = try await Command.winnow(["explain", "play some music"])
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n").map(String.init)
        #expect(lines.first?.hasPrefix("router@") == true)
        #expect(lines.dropFirst().first?.split(separator: " ").first == "span")
        #expect(result.output.contains("0-15") && result.output.contains(Self.intent))
    }

    @Test(arguments: [[], ["a", "b"], ["a", "--file", "b"]]) func `one text or one file is needed`(words: [String])
        async throws
    {
        #expect(try await Command.winnow(["explain"] + words).status == ExitStatus.wrongUsage.rawValue)
    }

    @Test func `an empty text is refused as it is when it is sent`() async throws {
        let result = try await Command.winnow(["explain", " "])
        #expect(result.status == 1 && result.output.isEmpty && result.errors.hasPrefix("winnow explain: "))
    }
}
