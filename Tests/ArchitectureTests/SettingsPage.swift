/// The table of settings in `infra/docs/settings.md`, to compare with the settings that programs read.
struct SettingsPage {
    /// The default of each variable in backticks, or `nil` if the page describes it in words or there is none.
    let rows: [String: String?]

    /// - Parameter text: rows have the form `| NAME | default | read by | meaning |`. Rows of scripts have one cell
    ///   less.
    init(_ text: String) {
        var rows: [String: String?] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.drop { $0 == " " }.trimmingSuffix { $0 == " " } }
            guard cells.count == 6, let name = cells[1].wholeMatch(of: /`([A-Z][A-Z0-9_]*)(?:<NAME>)?`/) else {
                continue
            }
            rows[String(name.output.1)] = .some(cells[2].wholeMatch(of: /`([^`]*)`/).map { String($0.output.1) })
        }
        self.rows = rows
    }

    /// Every variable that the sources name, with its default if that is a literal.
    static func variables(in files: [SourceFile]) -> [String: String?] {
        let named = /"((?:WINNOW_|KAFKA_|DEV_BROKER_|OTEL_|PG|DATABASE_URL)[A-Z_]*)"/
        let read =
            /(string|optional|required|integer|number|secret|group|setting|getenv)\(\s*"([A-Z][A-Z0-9_]+)"(?:,\s*default:\s*(?:"([^"]*)"|([0-9_.]+)))?/
        var found: [String: String?] = [:]
        // Code that reads a variable names a reader, a setting or getenv. Matching every file would take several times
        // as long.
        let marks = ["reader", "Settings", "setting", "getenv"]
        for text in files.map(\.text) where marks.contains(where: { text.contains($0) }) {
            for match in text.matches(of: named) where found[String(match.output.1)] == nil {
                found[String(match.output.1)] = .some(nil)
            }
            for match in text.matches(of: read) {
                let name = String(match.output.2)
                let number = match.output.4.map { String($0.filter { $0 != "_" }) }
                if let value = match.output.3.map(String.init) ?? number {
                    found[name] = value
                } else if found[name] == nil {
                    found[name] = .some(nil)
                }
                // A secret may come from the file that its `_FILE` variant names.
                if match.output.1 == "secret" { found[name + "_FILE"] = .some(nil) }
            }
        }
        return found
    }

    /// Variables that the page lacks, variables that do not exist, and defaults that differ.
    func violations(in files: [SourceFile]) -> [String] {
        let read = Self.variables(in: files)
        return Set(read.keys).union(rows.keys).sorted().compactMap { name in
            switch (read[name], rows[name]) {
            case (nil, _): "\(name): nothing reads it"
            case (_, nil): "\(name): is read and not listed"
            case (let value?, let shown?) where value != shown:
                "\(name): the default is \(value ?? "no literal"), the page says \(shown ?? "no literal")"
            default: nil
            }
        }
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var text = self
        while let last = text.last, predicate(last) { text.removeLast() }
        return text
    }
}
