import Settings

/// A file of `KEY=value` lines. A running stack writes it, so that `winnow` finds the stack without further settings.
enum EnvironmentFile {
    static let ofStack = ".run/env"

    /// Returns the process's environment, completed by the file that `WINNOW_ENV_FILE` names. Without that variable and
    /// without a broker in the environment, the file is `.run/env` of the working directory, if it is trusted.
    ///
    /// Anybody may own the working directory, and its file could send requests and passwords to a foreign server. So
    /// the file must belong to the user and be closed to others, and standard error reports that it is used.
    /// - Throws: `UsageError` if the named file cannot be read.
    static func environment(
        _ own: [String: String] = SettingsReader.ofProcess,
        notify: (String) -> Void = { Console.complain("winnow: \($0)") }
    ) throws(UsageError) -> [String: String] {
        if let path = own["WINNOW_ENV_FILE"], !path.isEmpty {
            guard let text = SmallFile.text(path) else {
                throw UsageError("WINNOW_ENV_FILE names a file that cannot be read")
            }
            return parse(text).merging(own) { _, own in own }
        }
        guard (own["KAFKA_BOOTSTRAP_SERVERS"] ?? "").isEmpty, SmallFile.exists(ofStack) else { return own }
        do {
            let text = String(decoding: try SmallFile.readPrivate(ofStack), as: UTF8.self)
            notify("settings from \(ofStack)")
            return parse(text).merging(own) { _, own in own }
        } catch {
            notify("\(error); it is not used. Set WINNOW_ENV_FILE=\(ofStack) to use it anyway")
            return own
        }
    }

    /// Parses shell assignments. Values may be quoted with `'` or `"`, and `\` escapes the next character.
    ///
    /// Nothing is expanded. Unlike in a shell, a value without quotes ends at the end of its line and not at a space,
    /// as in files for `docker --env-file`.
    static func parse(_ text: String) -> [String: String] {
        var variables: [String: String] = [:]
        // Reads scalars, because "\r\n" is one `Character`.
        var rest = Array(text.unicodeScalars)[...]
        while !rest.isEmpty {
            let name = take(&rest) { $0 != "=" && $0 != "\n" }
            guard rest.first == "=", !name.hasPrefix("#") else {
                _ = take(&rest) { $0 != "\n" }
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst()
            let value = value(&rest)
            variables[name.hasPrefix("export ") ? String(name.dropFirst(7)) : name] = value
        }
        return variables
    }

    /// Takes a value and the end of its line.
    private static func value(_ rest: inout ArraySlice<Unicode.Scalar>) -> String {
        var value = String.UnicodeScalarView()
        var quote: Unicode.Scalar?
        while let next = rest.popFirst() {
            switch (next, quote) {
            case (quote, _?): quote = nil
            case ("'", nil), ("\"", nil): quote = next
            case ("\n", nil): return String(value)
            case ("\r", nil) where rest.first == "\n" || rest.isEmpty: continue
            case ("\\", let open) where open != "'":
                guard let literal = rest.popFirst() else { continue }
                // In double quotes a shell keeps a backslash before an ordinary character.
                if open == "\"", !["\\", "\"", "$", "`"].contains(literal) { value.append("\\") }
                value.append(literal)
            default: value.append(next)
            }
        }
        return String(value)
    }

    private static func take(
        _ rest: inout ArraySlice<Unicode.Scalar>, while condition: (Unicode.Scalar) -> Bool
    ) -> String {
        let taken = rest.prefix(while: condition)
        rest = rest.dropFirst(taken.count)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: taken)
        return String(text)
    }
}
