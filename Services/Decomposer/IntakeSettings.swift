import Settings

/// How submissions that wait in Postgres reach the topic.
struct IntakeSettings: Sendable {
    /// - Default: 100 ms. Key: `WINNOW_INTAKE_INTERVAL_MS`.
    var interval: Duration
    /// What was sent and not accepted for so long is sent again. - Default: 15 s. Key: `WINNOW_INTAKE_RESEND_SECONDS`.
    var resendAfterMilliseconds: Int64
    /// Requests on their way or open; a request takes some kilobytes of each of five topics, which hold 5 MiB a partition.
    /// - Default: 2000. Key: `WINNOW_INTAKE_WINDOW`.
    var window: Int
    /// The same of the bulk lane, whichever way it came: enough that no worker waits for work.
    /// - Default: 256. Key: `WINNOW_BULK_WINDOW`.
    var bulkWindow: Int
    var limit = 500

    init(_ reader: inout SettingsReader) throws(SettingsError) {
        interval = .milliseconds(try reader.integer("WINNOW_INTAKE_INTERVAL_MS", default: 100, in: 1...60_000))
        resendAfterMilliseconds =
            1000 * Int64(try reader.integer("WINNOW_INTAKE_RESEND_SECONDS", default: 15, in: 1...3600))
        window = try reader.integer("WINNOW_INTAKE_WINDOW", default: 2000, in: 1...1_000_000)
        bulkWindow = try reader.integer("WINNOW_BULK_WINDOW", default: 256, in: 1...100_000)
    }
}
