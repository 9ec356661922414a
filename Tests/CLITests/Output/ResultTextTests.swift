import Client
import Testing

@testable import CLI

struct ResultTextTests {
    private let json = #"""
        {"id":"mine","requestId":"r","status":"completed","steps":[{"capability":"legal-services","task":"clause-type",
        "status":"answered","items":[{"text":"a\nb","span":[0,3],"label":"x","confidence":0.87654,"decidedBy":"full",
        "model":"full@1"},{"text":"c"}]}],"usage":{"flops":7,"fullModelFlops":70},
        "cost":{"picoUSD":3,"fullModelPicoUSD":30}}
        """#

    @Test func `people read one line for each item, with who decided it`() throws {
        let lines = try RequestResult(Array(json.utf8)).text().split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0] == "mine  completed  0.003 nano-USD, full model alone 0.030 nano-USD")
        #expect(lines[1].contains("legal-services/clause-type"))
        #expect(lines[1].contains(" x "))
        #expect(lines[1].contains("0.877"))
        #expect(lines[1].contains("full"))
        #expect(lines[1].hasSuffix("\"a b\""))
        #expect(lines[2].contains("answered"))
    }

    @Test(arguments: [nil, 60, 200])
    func `people see which answers are degraded, and of which texts a part was not read`(width: Int?) throws {
        func text(_ members: String) throws -> String {
            try RequestResult(Array(json.replacing(#""model":"full@1""#, with: members).utf8)).text(fitting: width)
        }
        let plain = try text(#""model":"full@1""#)
        #expect(["degraded", "truncated", "unfamiliar"].allSatisfy { !plain.contains($0) })
        #expect(try text(#""degraded":true"#).contains(#" degraded "a b""#))
        #expect(try text(#""truncated":true"#).contains(#" truncated "a b""#))
        #expect(try text(#""unfamiliar":true"#).contains(#" unfamiliar "a b""#))
        let both = try text(#""degraded":true,"truncated":true"#)
        #expect(both.contains(#" degraded truncated "a b""#))
        for line in both.split(separator: "\n").dropFirst() { #expect(String(line).columns <= width ?? .max) }
    }

    @Test func `a text or a JSON value has a line of its own, in one line and not raw`() throws {
        let output = #""output":{"kind":"text","text":"two\nlines \u001b[2J"}"#
        let text = try RequestResult(Array(json.replacing(#""label":"x""#, with: output).utf8)).text(fitting: 80)
        let lines = text.split(separator: "\n")
        #expect(lines[1].contains(" text "))
        #expect(lines.contains { $0.hasPrefix("        → \"two lines") })
        #expect(!text.unicodeScalars.contains("\u{1B}"))
        let value = #""output":{"kind":"json","json":{"a":[1,2]}}"#
        let other = try RequestResult(Array(json.replacing(#""label":"x""#, with: value).utf8)).text()
        #expect(other.contains("→ \"{\"a\":[1,2]}\""))
    }

    @Test func `nothing in a result reaches the terminal raw, and a narrow one is not overflowed`() throws {
        let hostile = json.replacing("mine", with: #"i\u001b[2J"#).replacing(#""x""#, with: "\"x\u{202E}\"")
            .replacing("a\\nb", with: #"\u009b31m"# + String(repeating: "word ", count: 40))
        let result = try RequestResult(Array(hostile.utf8))
        #expect(result.text().unicodeScalars.allSatisfy { !Set(["\u{1B}", "\u{9B}", "\u{202E}"]).contains($0) })
        for line in result.text(fitting: 60).split(separator: "\n").dropFirst() {
            #expect(String(line).columns <= 60, "\(line)")
        }
        #expect(result.text(fitting: 80).split(separator: "\n").count == 5)
        #expect(result.text(fitting: 120).split(separator: "\n").count == 3)
    }
}
