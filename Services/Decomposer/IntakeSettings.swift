import Contracts
import Settings
import Store

/// How much is under way, and how requests that wait in Postgres come to their turn.
struct IntakeSettings: Sendable {
    /// How often is looked for them, a third as often while none comes. - Default: 100 ms. Key: `WINNOW_INTAKE_INTERVAL_MS`.
    var interval: Duration
    /// What was taken and not seen to for so long is taken again. - Default: 15 s. Key: `WINNOW_INTAKE_RESEND_SECONDS`.
    var resendAfterMilliseconds: Int64
    /// Requests open or taken, before tenants take turns; the embedded broker keeps 5 MiB a partition, and a request takes
    /// some kilobytes of each of four topics. Twice as many are never passed.
    /// - Default: 2000. Key: `WINNOW_INTAKE_WINDOW`.
    var window: Int
    /// Requests under way that a tenant has a right to for each unit of its weight, also when the window is full.
    /// - Default: 100. Key: `WINNOW_TENANT_WINDOW`.
    var share: Int
    /// Bulk requests open or taken, whichever way they came: enough that no worker waits for work. It is passed by a batch
    /// of each way at most.
    /// - Default: 256. Key: `WINNOW_BULK_WINDOW`.
    var bulkWindow: Int
    /// Requests that may wait for their turn, of a tenant and of all; what comes above it is answered `overloaded`. What came
    /// within a second to other decomposers may pass it.
    /// - Default: 100,000 and 1,000,000. Keys: `WINNOW_TENANT_WAITING_LIMIT`, `WINNOW_WAITING_LIMIT`.
    var waiting: WaitingLimits
    /// When such a request is to be sent again. - Default: 60 s. Key: `WINNOW_OVERLOAD_RETRY_SECONDS`.
    var retryAfterSeconds: Int
    var limit = 500
    /// Of the bulk lane at once.
    var bulkLimit = 8

    init(_ reader: inout SettingsReader) throws(SettingsError) {
        interval = .milliseconds(try reader.integer("WINNOW_INTAKE_INTERVAL_MS", default: 100, in: 1...60_000))
        resendAfterMilliseconds =
            1000 * Int64(try reader.integer("WINNOW_INTAKE_RESEND_SECONDS", default: 15, in: 1...3600))
        window = try reader.integer("WINNOW_INTAKE_WINDOW", default: 2000, in: 1...1_000_000)
        share = try reader.integer("WINNOW_TENANT_WINDOW", default: 100, in: 0...1_000_000)
        bulkWindow = try reader.integer("WINNOW_BULK_WINDOW", default: 256, in: 1...100_000)
        waiting = WaitingLimits(
            ofTenant: try reader.integer("WINNOW_TENANT_WAITING_LIMIT", default: 100_000, in: 0...100_000_000),
            ofAll: try reader.integer("WINNOW_WAITING_LIMIT", default: 1_000_000, in: 0...100_000_000))
        retryAfterSeconds = try reader.integer("WINNOW_OVERLOAD_RETRY_SECONDS", default: 60, in: 1...86_400)
    }

    /// How long a lane waits before it looks again whether anything has its turn: nobody waits for the bulk one, and where
    /// nothing came for ten seconds the next may as well wait a blink.
    /// - Parameter looks: that found nothing, one after another.
    func interval(_ lane: Lane, afterEmptyPolls looks: Int = 0) -> Duration {
        let interval = lane == .bulk ? interval * 2 : interval
        return looks < 100 ? interval : interval * 3
    }

    func turn(_ lane: Lane = .interactive, at time: Timestamp) -> SubmissionTurn {
        let isBulk = lane == .bulk
        return SubmissionTurn(
            lane: lane, now: time, resendBefore: time.adding(milliseconds: -resendAfterMilliseconds),
            limit: isBulk ? bulkLimit : limit, window: isBulk ? bulkWindow : window, share: isBulk ? 0 : share)
    }
}
