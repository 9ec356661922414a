import CCurl
import Contracts

/// When a failed call is made again: exponential backoff with jitter, or when the server says.
/// - Source: RFC 9110, section 10.2.3 (Retry-After)
struct RetrySchedule: Equatable, Sendable {
    /// The most tries after the first one.
    var most = 3
    var firstDelay = Duration.milliseconds(500)
    var longestDelay = Duration.seconds(20)
    /// If the server asks for a longer pause, the call fails and says so.
    var longestRetryAfter = Duration.seconds(60)

    /// - Parameters:
    ///   - tries: how many tries have failed, from 1.
    ///   - jitter: from 0 to 1. Without it, calls that failed together would come back together.
    /// - Returns: `nil` if the call should not be made again.
    func delay(afterTries tries: Int, retryAfter: Duration?, jitter: Double) -> Duration? {
        guard tries <= most else { return nil }
        let ceiling = min(longestDelay, firstDelay * (1 << min(tries - 1, 20)))
        let backoff = ceiling * (0.5 + jitter / 2)
        guard let retryAfter else { return backoff }
        // Later than the server asks, and never earlier.
        return retryAfter <= longestRetryAfter ? retryAfter + firstDelay * jitter : nil
    }

    /// Reads a `Retry-After` field: seconds, or an HTTP date.
    /// - Parameter date: the server's `Date` field. Its clock may differ from ours, and only the difference counts.
    static func retryAfter(_ field: String?, date: String?, now: Timestamp) -> Duration? {
        guard let field, !field.isEmpty else { return nil }
        if field.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return Int32(field).map { .seconds($0) }
        }
        guard let due = instant(field) else { return nil }
        let start = date.flatMap(instant) ?? now.milliseconds / 1000
        return .seconds(min(max(0, due - start), Int64(Int32.max)))
    }

    /// - Units: seconds since 1970.
    private static func instant(_ date: String) -> Int64? {
        let seconds = Int64(curl_getdate(date, nil))
        return seconds >= 0 ? seconds : nil
    }
}
