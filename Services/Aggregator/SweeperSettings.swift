import Settings

/// How often overdue requests are looked for.
struct SweeperSettings: Sendable {
    /// - Default: 1000. Key: `WINNOW_SWEEP_INTERVAL_MS`.
    var interval: Duration
    /// - Default: 120 s. Key: `WINNOW_REDRIVE_AFTER_SECONDS`. Shorter than a queue's wait would double the load.
    var redriveAfterMilliseconds: Int64
    var limit = 500

    init(_ reader: inout SettingsReader) throws(SettingsError) {
        interval = .milliseconds(try reader.integer("WINNOW_SWEEP_INTERVAL_MS", default: 1000, in: 10...60_000))
        redriveAfterMilliseconds =
            1000 * Int64(try reader.integer("WINNOW_REDRIVE_AFTER_SECONDS", default: 120, in: 1...86_400))
    }
}
