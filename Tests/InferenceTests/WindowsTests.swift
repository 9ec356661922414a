import BuiltInCatalog
import Contracts
import Testing

@testable import Inference

struct WindowsTests {
    @Test(arguments: [10, 34, 48, 64, 96, 128, 256])
    func `windows cover a text, are full, and share a quarter with their neighbour`(maxTokens: Int) {
        let windows = Windows(maxTokens: maxTokens)
        for pieces in [0, 1, windows.capacity] { #expect(windows.starts(pieces: pieces) == [0]) }
        let stride = windows.capacity - windows.capacity / 4
        for pieces in Set((windows.capacity + 1...windows.capacity + 3 * stride).map(\.self) + [windows.mostPieces]) {
            let starts = windows.starts(pieces: pieces)
            #expect(starts.first == 0 && starts.last == pieces - windows.capacity)
            #expect(starts.count <= Windows.mostPerText)
            #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 < $1 && $1 - $0 <= stride })
        }
        #expect(windows.starts(pieces: windows.mostPieces).count == Windows.mostPerText)
        #expect(windows.starts(pieces: .max) == windows.starts(pieces: windows.mostPieces))
    }

    @Test func `a window without room for a piece reads nothing`() {
        #expect(Windows(maxTokens: 2).starts(pieces: 9) == [0])
    }

    @Test(arguments: [0, 1, 5, 6, 7, 30, 77, 78, 1000])
    func `a text is laid out in its windows, and says where it is cut`(words: Int) throws {
        let tokenizer = try TinyModel.tokenizer()
        let text = (0..<words).map { ["jazz", "and", "un"][$0 % 3] }.joined(separator: " ")
        let pieces = tokenizer.encode(text, maxTokens: .max).dropFirst().dropLast()
        // A window has six pieces and starts five pieces after the previous one: 6 + 15 x 5 = 81 fit.
        let windows = Windows(maxTokens: 8)
        #expect(windows.mostPieces == 81)
        var ids: [Int32] = [7], lengths: [Int] = []
        let isTruncated = tokenizer.encode(text, in: windows, into: &ids, &lengths)
        #expect(isTruncated == (words > 81))
        let starts = windows.starts(pieces: words)
        #expect(lengths == (words <= 6 ? [words + 2] : starts.map { _ in 8 }))
        #expect(windows.tokens(pieces: words) == lengths.reduce(0, +))
        var next = 1
        for (start, length) in zip(starts, lengths) {
            let inner = pieces.dropFirst(start).prefix(length - 2)
            #expect(Array(ids[next..<next + length]) == [2] + inner + [3])
            next += length
        }
        #expect(next == ids.count)
    }
}

/// Combines the logits of several windows into one answer.
struct WindowRuleTests {
    private static func head(_ route: String, _ labels: [String], _ kind: String) throws -> ModelCard.Head {
        let route = try #require(Route(route))
        var model = TinyModel()
        model.card["heads"] = """
            [{"capability":"\(route.capability)","task":"\(route.task)","labels":\(labels),"maxTokens":9,"temperature":1,\(kind)}]
            """
        var head = try model.written { try ModelCard.load(directory: $0).heads[0] }
        head.windowRule = Catalog.builtIn.windowRule(of: route)
        return head
    }

    private func combined(_ head: ModelCard.Head, _ rows: [[Float]]) -> [Float] { head.combine(rows.map { $0[...] }) }

    @Test func `an attack in any window is one of the text, and the surest answers`() throws {
        let head = try Self.head(
            "security-services/payload", ["benign", "cross_site_scripting", "sql_injection"],
            "\"kind\":\"single-label\"")
        let (clean, doubtful, script, sql): ([Float], [Float], [Float], [Float]) = (
            [9, 0, 0], [3, 0, 1], [0, 5, 0], [0, 0, 4]
        )
        #expect(combined(head, [clean, script, clean]) == script)
        #expect(combined(head, [sql, clean, script]) == script)
        // If no window shows a finding, the window that is least sure of that answers.
        #expect(combined(head, [clean, doubtful, clean]) == doubtful)
    }

    @Test(arguments: [("legal-services/unfair-term", "fair"), ("security-services/prompt-attack", "benign")])
    func `every task that looks for something knows the label of having found nothing`(
        route: String, clean: String
    ) throws {
        let head = try Self.head(route, [clean, "found"], "\"kind\":\"single-label\"")
        #expect(combined(head, [[5, 0], [0, 1], [4, 0]]) == [0, 1])
        #expect(combined(head, [[5, 0], [4, 0]]) == [4, 0])
    }

    @Test func `an issue is read from its beginning alone, and any task without a rule takes the mean`() throws {
        let kind = "\"kind\":\"single-label\""
        let issue = try Self.head("software-development/issue-type", ["bug", "feature"], kind)
        #expect(combined(issue, [[1, 0]]) == [1, 0])
        #expect(issue.mostWindows == 1)
        let clause = try Self.head("legal-services/clause-type", ["a", "b"], kind)
        #expect(combined(clause, [[1, 0], [2, 5], [0, 1]]) == [1, 2])
        #expect(clause.mostWindows == 16)
    }

    @Test(arguments: [
        ("security-services/payload", 0.7, 0.0), ("legal-services/clause-type", 0.7, 0),
        ("decomposition/route", 0.9, 0), ("software-development/issue-type", 0.9, 0.9),
    ])
    func `an answer is as sure as its least sure window, and not at all where the rest might change it`(
        route: String, whole: Double, cut: Double
    ) throws {
        let head = try Self.head(route, ["a", "b"], "\"kind\":\"single-label\"")
        let windows = [0.95, 0.7, 0.99]
        #expect(head.certainty(0.9, windows: windows, isTruncated: false) == whole)
        #expect(head.certainty(0.9, windows: windows, isTruncated: true) == cut)
    }

    @Test func `the beginning says where a text belongs, and every window whether there is an attack in it`() throws {
        let labels = [
            "legal-services/clause-type", "security-services/payload", "security-services/prompt-attack",
            "software-development/issue-type",
        ]
        let head = try Self.head(
            "decomposition/route", labels, "\"kind\":\"multi-label\",\"thresholds\":[0.5,0.5,0.5,0.5]")
        #expect(combined(head, [[3, -4, -5, -6], [-7, 2, -6, 9], [-8, -9, -3, 9]]) == [3, 2, -3, -6])
    }

    @Test func `the rules name labels of the committed models, in the small and the full one alike`() throws {
        let full = try ModelCard.load(directory: Golden.model("full"))
        let router = try ModelCard.load(directory: Golden.model("router"))
        for route in Catalog.builtIn.routes + [.decomposition] {
            let small =
                route == .decomposition
                ? router : try ModelCard.load(directory: Golden.model(route.capability.rawValue))
            for card in [small, full] {
                let labels = try #require(card.head(route)).labels
                switch Catalog.builtIn.windowRule(of: route) {
                case .anyFinding(let clean): #expect(labels.contains(clean))
                case .beginningAnd(let findings):
                    #expect(findings.count == 2 && findings.allSatisfy(labels.contains))
                case .beginning, .mean: continue
                }
            }
        }
    }
}
