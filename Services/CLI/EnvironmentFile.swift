import Settings

/// `KEY=value` lines that a running stack leaves, so that `winnow` finds it without being told.
enum EnvironmentFile {
    /// The process's environment, and beneath it the file that `WINNOW_ENV_FILE` names, or `.run/env` where it is there
    /// and no broker is named otherwise.
    /// - Throws: `UsageError` when the file that was named cannot be read.
    static func environment(
        _ own: [String: String] = SettingsReader.ofProcess
    ) throws(UsageError) -> [String: String] {
        if let path = own["WINNOW_ENV_FILE"], !path.isEmpty {
            guard let text = SmallFile.text(path) else {
                throw UsageError("WINNOW_ENV_FILE names a file that cannot be read")
            }
            return parse(text).merging(own) { _, own in own }
        }
        guard (own["KAFKA_BOOTSTRAP_SERVERS"] ?? "").isEmpty, let text = SmallFile.text(".run/env") else { return own }
        return parse(text).merging(own) { _, own in own }
    }

    static func parse(_ text: String) -> [String: String] {
        text.split(whereSeparator: \.isNewline).reduce(into: [:]) { variables, line in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !line.hasPrefix("#") else { return }
            variables[String(parts[0])] = String(parts[1])
        }
    }
}
