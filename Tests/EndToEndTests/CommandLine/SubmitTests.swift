import Foundation
import Testing

extension `Whole suite` {
    private static let rejected = #"{"text": "  "}"#

    @Test
    func `submit ends with 4 when a request was not completed, and has printed every result`() async throws {
        let suite = try await Suite.shared()
        let good = Self.payload(id: UUID().uuidString, ["28014"])
        #expect(try await suite.submit([good]).status == 0)
        let mixed = try await suite.submit([good, Self.rejected])
        #expect(mixed.status == 4)
        #expect(mixed.objects.map { $0["status"] as? String } == ["completed", "rejected"])
    }

    /// The first request is marked as taken by a decomposer, so it waits for as long as the test needs.
    @Test
    func `another body under an id that waits in Postgres is rejected, and the same body is answered`() async throws {
        let suite = try await Suite.shared()
        let id = UUID().uuidString
        let line = Self.payload(id: id, ["28014"])
        _ = try await suite.query(
            """
            INSERT INTO winnow.submission (tenant_id, event_id, body, sent_at, place)
            VALUES ('default', '\(id)', '\(line)', now() + interval '1 hour', 1)
            """)
        let submit = "WINNOW_INTAKE=postgres winnow submit --json"
        let other = Self.payload(id: id, ["calle mayor"])
        let sent = try await suite.shell(#"\#(submit) <<<"$0""#, other)
        #expect(sent.status == 4)
        #expect(sent.output.isEmpty)
        #expect(sent.errors.contains("winnow submit: \(id): id_reused: "), "\(sent.errors)")
        let waited = try await suite.shell(#"\#(submit) --wait --timeout 60 <<<"$0""#, "\(other)\n\(line)")
        #expect(waited.status == 4, "\(waited.errors)")
        #expect(waited.objects.map { $0["status"] as? String } == ["rejected", "rejected"])
        let same = try await suite.shell(#"\#(submit) --wait --timeout 60 <<<"$0""#, line)
        #expect(same.status == 0, "\(same.errors)")
        #expect(same.objects.map { $0["status"] as? String } == ["completed"])
    }

    @Test
    func `requests are read from a pipe and from a process substitution`() async throws {
        let suite = try await Suite.shared()
        let line = Self.payload(id: UUID().uuidString, ["28014"])
        for file in ["<(printf '%s' \"$0\")", "/dev/stdin <<<\"$0\"", "- <<<\"$0\""] {
            let result = try await suite.shell("winnow submit --wait --json --timeout 60 --file \(file)", line)
            #expect(result.status == 0, "\(file): \(result.errors)")
            #expect(result.objects.map { $0["status"] as? String } == ["completed"])
        }
    }

    @Test
    func `a result is not written to the connection that took the place of standard output`() async throws {
        let suite = try await Suite.shared()
        let line = Self.payload(id: UUID().uuidString, ["28014"])
        let result = try await suite.shell(#"winnow submit --wait --timeout 60 <<<"$LINES_" >&-"#, line)
        #expect(result.status == 1)
        #expect(result.errors.contains("standard output: Bad file descriptor"))
        #expect(try await suite.winnow(["doctor"]).status == 0)
    }

    @Test
    func `progress and results have lines of their own on a terminal`() async throws {
        let suite = try await Suite.shared()
        let lines = (0..<40).map { Self.payload(id: "tty-\($0)-\(UUID())", ["28014"]) }
        let result = try await suite.shell(
            "script --quiet --return --command 'winnow submit --wait --timeout 60 --file <(printf \"%s\" \"$LINES_\")' /dev/null",
            lines.joined(separator: "\n"))
        #expect(result.status == 0)
        let shown = result.output.split(separator: "\r\n").map { line in
            line.split(separator: "\r\u{1B}[K", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        }
        #expect(result.output.contains("of 40 answered"))
        #expect(shown.count { $0.hasPrefix("tty-") } == 40)
        #expect(!shown.contains { $0.contains("answered") })
    }

    /// A request of all eight items would have been rejected as a whole.
    @Test(arguments: ["evaluate", "report"])
    func `a row that no request can carry is left out of every figure`(verb: String) async throws {
        let suite = try await Suite.shared()
        let rows = ["28014", "", "calle mayor", " "].map {
            #"{"capability": "security-services", "task": "payload", "text": "\#($0)", "label": "benign"}"#
        }
        let result = try await suite.shell(
            "winnow \(verb) --json --data <(printf '%s' \"$0\") \(verb == "report" ? "--out /dev/null" : "")",
            rows.joined(separator: "\n"))
        #expect(result.status == 4, "\(result.errors)")
        #expect(result.errors.contains("line 2 is omitted: empty_text"))
        #expect(result.errors.contains("line 4 is omitted: empty_text"))
        let report = try #require(result.objects.first)
        #expect(report["rejected"] as? Int == 2)
        let overall = try #require(report["overall"] as? [String: Any])
        #expect((overall["suiteAccuracy"] as? [String: Double])?["value"] == 1)
        #expect((overall["n"] ?? overall["items"]) as? Int == 2)
        #expect(overall["unanswered"] as? Int == 0)
    }
}
