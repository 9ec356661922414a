/// House rules that the formatter does not know (`.swift-format` has those on force unwrapping and forced `try`).
enum Habits {
    static let maxLines = 300

    private static var forbidden: [(Regex<Substring>, String)] {
        [
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

    /// A folder with more files than this has sub-folders.
    static let mostFilesPerFolder = 12

    /// Returns the folders that hold too many files themselves.
    static func crowdedFolders(in files: [SourceFile]) -> [String] {
        Dictionary(grouping: files) { $0.path.split(separator: "/").dropLast().joined(separator: "/") }
            .filter { $0.value.count > mostFilesPerFolder }
            .map { "\($0.key): has \($0.value.count) files" }.sorted()
    }

    /// A header counts only on topics that nobody else can write to, and only MessageBus knows these.
    private static func headers(in file: SourceFile) -> [String] {
        guard file.module != "MessageBus" else { return [] }
        return file.lines(matching: /headers\[|headers\.(?:first|last|contains|filter)\b/)
            .map { "\(file.path):\($0): reads a record's headers by itself" }
    }

    /// Tools print to standard output; a service uses its logger.
    private static func prints(in file: SourceFile) -> [String] {
        guard !Architecture.tools.contains(file.module) else { return [] }
        return file.lines(matching: /(?:^|[^.\w])(?:print|debugPrint|dump)\(/).map { "\(file.path):\($0): prints" }
    }

    /// A benchmark may follow a schedule; a test awaits an event.
    static func testViolations(in files: [SourceFile]) -> [String] {
        files.filter { !$0.path.contains("Tests/Benchmarks/") }.flatMap { file in
            file.lines(matching: /\bTask\.sleep\b|\b(?:u|nano)?sleep\(|\bThread\.sleep\b/)
                .map { "\(file.path):\($0): sleeps instead of waiting for an event" }
        }
    }
}
