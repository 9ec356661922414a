import Contracts
import Settings
import Store

/// Limits of the requests under way, and the schedule of the requests that wait in Postgres.
struct IntakeSettings: Sendable {
    /// How often the intake polls Postgres; a third as often while it finds none. - Default: 100 ms. Key:
    /// `WINNOW_INTAKE_INTERVAL_MS`.
    var interval: Duration
    /// Time after which a taken but unhandled request is taken again. - Default: 15 s. Key:
    /// `WINNOW_INTAKE_RESEND_SECONDS`.
    var resendAfterMilliseconds: Int64
    /// The number of open or taken requests from which on tenants take turns. Their number never exceeds twice this
    /// window. The default suits the embedded broker, which keeps 5 MiB a partition: a request takes some kilobytes in
    /// each of four topics.
    /// - Default: 2000. Key: `WINNOW_INTAKE_WINDOW`.
    var window: Int
    /// Requests under way that a tenant may always have, per unit of its weight, even if the window is full.
    /// - Default: 100. Key: `WINNOW_TENANT_WINDOW`.
    var share: Int
    /// Open or taken bulk requests, from the topic and from Postgres: enough to keep every worker busy. Each of the two
    /// sources exceeds it by at most one batch.
    /// - Default: 256. Key: `WINNOW_BULK_WINDOW`.
    var bulkWindow: Int
    /// The number of requests of one tenant, and of all tenants, that may wait for their turn. Requests above it are
    /// answered `overloaded`. Several decomposers together may exceed it for a second.
    /// - Default: 100,000 and 1,000,000. Keys: `WINNOW_TENANT_WAITING_LIMIT`, `WINNOW_WAITING_LIMIT`.
    var waiting: WaitingLimits
    /// When a refused request may be sent again. - Default: 60 s. Key: `WINNOW_OVERLOAD_RETRY_SECONDS`.
    var retryAfterSeconds: Int
    var limit = 500
    /// The batch limit of the bulk lane.
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

    /// Returns how long a lane waits until it polls again. The bulk lane waits twice as long as the interactive lane.
    /// After a hundred empty polls, each lane waits three times as long.
    /// - Parameter looks: the number of consecutive polls that found no request.
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
