/// House rules that can be seen in the text.
enum Habits {
    static let maxLines = 300

    private static var forbidden: [(Regex<Substring>, String)] {
        [
            (/[\w\)\]}>]!(?!=)/, "unwraps, casts or tries by force"),
            (/\bfatalError\(/, "ends the process with fatalError"),
            (/\bTask(?:\.detached)?\s*(?:\(|\{)/, "starts a task that nobody waits for"),
            (
                /\b(?:eventIDs?|tenants?|tenantIDs?)\s*:\s*(?:\[*String\b|Set<String>)/,
                "has a String for an identifier, which Postgres compares by bytes: EventID, TenantID"
            ),
        ]
    }

    static func violations(in files: [SourceFile]) -> [String] {
        files.flatMap { file in
            let tooLong = file.lineCount > maxLines ? ["\(file.path): has \(file.lineCount) lines"] : []
            let lines = forbidden.flatMap { pattern, fault in
                file.lines(matching: pattern).map { "\(file.path):\($0): \(fault)" }
            }
            return tooLong + lines + prints(in: file) + headers(in: file)
        }
    }

    /// What a header says counts only where nobody else can have written it, and MessageBus knows where that is.
    private static func headers(in file: SourceFile) -> [String] {
        guard file.module != "MessageBus" else { return [] }
        return file.lines(matching: /headers\[|headers\.(?:first|last|contains|filter)\b/)
            .map { "\(file.path):\($0): reads a record's headers by itself" }
    }

    /// Tools speak to people on standard output; a service speaks through its logger.
    private static func prints(in file: SourceFile) -> [String] {
        guard !Architecture.tools.contains(file.module) else { return [] }
        return file.lines(matching: /(?:^|[^.\w])(?:print|debugPrint|dump)\(/).map { "\(file.path):\($0): prints" }
    }

    /// A bench may keep to a schedule; a test waits for what it tests.
    static func testViolations(in files: [SourceFile]) -> [String] {
        files.filter { !$0.path.contains("Tests/Benchmarks/") }.flatMap { file in
            file.lines(matching: /\bTask\.sleep\b|\b(?:u|nano)?sleep\(|\bThread\.sleep\b/)
                .map { "\(file.path):\($0): sleeps instead of waiting for an event" }
        }
    }
}
