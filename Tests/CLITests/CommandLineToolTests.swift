import Testing

@testable import CLI

struct CommandLineToolTests {
    @Test(arguments: [
        [], ["help"], ["--help"], ["-h"], ["help", "submit"], ["submit", "--help"], ["trace", "-h"],
        ["costs", "--help"],
        ["evaluate", "--help"], ["doctor", "--help"], ["migrate", "--help"], ["topics", "--help"],
        ["models", "--help"], ["dead-letters", "--help"], ["cancel", "--help"], ["tenants", "--help"],
        ["--version"], ["prices", "--help"], ["budget", "--help"], ["report", "--help"], ["rank", "--help"],
        ["catalog", "--help"],
    ])
    func `help ends with 0`(words: [String]) async {
        #expect(await CommandLineTool.run(words) == .ok)
    }

    @Test(arguments: [
        ["dance"], ["help", "dance"], ["--version", "x"], ["costs", "--wide=yes"], ["-x"], ["submit", "word"],
        ["submit", "--nobody", "x"], ["submit", "--timeout", "0"],
        ["submit", "--timeout", "soon"], ["submit", "--tenant", ""], ["submit", "--file"],
        ["submit", "--tenant", String(repeating: "x", count: 257)], ["costs", "--by", "colour"], ["costs", "extra"],
        ["trace"], ["trace", "one", "two"], ["evaluate"], ["evaluate", "--data"],
        ["evaluate", "--data", "f", "--timeout", "-1"],
        ["migrate", "now"], ["migrate", "--what"], ["topics"], ["topics", "delete"], ["models"], ["models", "drop"],
        ["models", "register", "--pico-usd-per-megaflop", "0"], ["dead-letters"], ["dead-letters", "burn"],
        ["cancel"], ["cancel", "one", "two"], ["cancel", "one", "--what"], ["dead-letters", "list", "42"],
        ["dead-letters", "list", "--since", "noon"], ["dead-letters", "show"],
        ["dead-letters", "show", "0-1", "0-2"], ["dead-letters", "replay"], ["dead-letters", "discard"],
        ["dead-letters", "list", "--all"], ["dead-letters", "list", "--payload"],
        ["dead-letters", "discard", "0-1", "--all"], ["dead-letters", "discard", "--payload", "0-1"],
        ["report"], ["report", "--data", "f"], ["report", "--out", "f"],
        ["rank", "--days", "0"], ["rank", "what"],
        ["budget"], ["budget", "drop"], ["budget", "show", "a", "b"], ["budget", "set", "acme"],
        ["budget", "set", "acme", "--period", "year", "--limit", "1"], ["budget", "set", "acme", "--period", "day"],
        ["budget", "set", "acme", "--period", "day", "--limit", "-1"],
        ["budget", "set", "acme", "--period", "day", "--usd", "five"],
        ["budget", "set", "acme", "--period", "day", "--usd", "5", "--limit", "5"],
        ["prices", "set", "full", "--usd-per-million-tokens", "0.0000001"],
        ["prices", "set", "full", "--usd-per-million-tokens", "1000001"],
        ["prices", "set", "full", "--usd-per-million-output-tokens", "1"],
        ["prices", "set", "full", "--usd-per-million-tokens", "1", "--input", "1", "--output", "1"],
        ["prices", "platform"], ["prices", "platform", "--usd-per-core-hour", "x"],
        ["tenants", "set", "acme", "--test", "maybe"],
        ["budget", "set", "acme", "--period", "day", "--limit", "1", "--policy", "hope"],
        ["prices"], ["prices", "drop"], ["prices", "set", "full", "--input", "1"],
        ["prices", "set", "full@1", "--input", "1", "--output", "1"],
        ["prices", "set", "full", "--input", "-1", "--output", "1"],
        ["prices", "set", "full", "--input", "1", "--output", "1", "--from", "yesterday"],
        ["tenants"], ["tenants", "drop"], ["tenants", "set"], ["tenants", "set", "acme"],
        ["catalog"], ["catalog", "drop"], ["catalog", "validate", "a", "b"], ["catalog", "show", "a", "b"],
        ["catalog", "show", "--catalog"], ["catalog", "diff"], ["catalog", "diff", "a"],
        ["catalog", "diff", "a", "b", "c"],
        ["catalog", "validate", "--catalog", "a"], ["catalog", "render"], ["catalog", "render", "helm"],
        ["catalog", "render", "rights", "b"], ["catalog", "render", "rights", "--json"],
        ["catalog", "show", "--write"],
        ["tenants", "set", "acme", "--weight", "0"], ["tenants", "set", "acme", "--weight", "101"],
    ])
    func `wrong usage ends with 2`(words: [String]) async {
        #expect(await CommandLineTool.run(words) == .wrongUsage)
    }

    @Test func `a file that is not there ends with 1`() async {
        #expect(await CommandLineTool.run(["evaluate", "--data", "/nowhere/at/all.jsonl"]) == .failed)
        #expect(await CommandLineTool.run(["submit", "--file", "/nowhere/at/all.jsonl"]) == .failed)
    }

    @Test func `the exit codes are the documented ones`() {
        #expect(ExitStatus.allCases.map(\.rawValue) == [0, 1, 2, 3, 4])
        #expect([ExitStatus.ok, .failed, .wrongUsage, .notCertifiable, .notCompleted] == ExitStatus.allCases)
    }

    @Test func `every verb is found under its name and explains itself`() {
        let verbs = CommandLineTool.verbs
        #expect(
            verbs.map { $0.name } == [
                "submit", "explain", "costs", "trace", "cancel", "tenants", "prices", "budget", "erase", "dead-letters",
                "instances",
                "drain", "resume", "evaluate", "report", "certify", "certificates", "rank", "doctor", "migrate",
                "topics",
                "models", "catalog",
            ])
        for verb in verbs {
            #expect(verb.help.hasPrefix("Usage: winnow \(verb.name)"))
            #expect(!verb.summary.isEmpty)
            for flag in verb.flags { #expect(verb.help.contains(flag), "\(verb.name) \(flag)") }
        }
    }
}
