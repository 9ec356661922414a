import Contracts
import Settings

/// How often the keeper looks for what is due.
struct KeeperSettings: Sendable {
    /// How often deadlines, cancellations, certificates and owed emissions are looked for.
    /// - Default: 1000. Key: `WINNOW_SWEEP_INTERVAL_MS`.
    var interval: Duration
    /// The first re-drive of a request without progress; the next ones take longer.
    /// - Default: 120 s. Key: `WINNOW_REDRIVE_AFTER_SECONDS`.
    private var redriveAfterMilliseconds: Int64
    /// The same of the bulk lane, which may rest while the other has work.
    /// - Default: 1200 s. Key: `WINNOW_BULK_REDRIVE_AFTER_SECONDS`.
    private var bulkRedriveAfterMilliseconds: Int64
    /// A call that is not settled for so long is lost with its process. - Default: 600 s, more than any endpoint may take.
    /// Key: `WINNOW_ABANDON_AFTER_SECONDS`.
    var abandonAfter: Duration
    /// An instance that is silent for so long is not listed any more.
    var forgetMilliseconds: Int64 = 86_400_000
    /// Certificates that have not changed are published again so often: workers drop those that they no longer hear of,
    /// and the embedded broker may have forgotten them.
    var republishMilliseconds = Int64(StandingCertificates.publicationInterval / .milliseconds(1))
    /// How many requests a chore handles in one transaction.
    var limit = 500

    init(_ reader: inout SettingsReader) throws(SettingsError) {
        interval = .milliseconds(try reader.integer("WINNOW_SWEEP_INTERVAL_MS", default: 1000, in: 10...60_000))
        redriveAfterMilliseconds =
            1000 * Int64(try reader.integer("WINNOW_REDRIVE_AFTER_SECONDS", default: 120, in: 1...86_400))
        bulkRedriveAfterMilliseconds =
            1000 * Int64(try reader.integer("WINNOW_BULK_REDRIVE_AFTER_SECONDS", default: 1200, in: 1...86_400))
        abandonAfter = .seconds(try reader.integer("WINNOW_ABANDON_AFTER_SECONDS", default: 600, in: 1...86_400))
    }

    /// - Units: milliseconds.
    func redriveAfter(_ lane: Lane) -> Int64 {
        lane == .bulk ? bulkRedriveAfterMilliseconds : redriveAfterMilliseconds
    }

    /// How often stalled requests are looked for: a tenth of what they may stand, for that search reads every old request.
    var redriveInterval: Duration {
        let tenth = min(redriveAfterMilliseconds, bulkRedriveAfterMilliseconds) / 10
        return max(interval, min(.milliseconds(tenth), .seconds(10)))
    }
}
