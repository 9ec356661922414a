import Glibc

/// An instant. - Units: milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// - Source: RFC 3339, section 5.6; what is finer than a millisecond is cut off.
    public init?(rfc3339 text: String) {
        guard let timestamp = RFC3339.timestamp(text) else { return nil }
        self = timestamp
    }

    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The last instant of the year 9999: RFC 3339 can write no later one.
    public static let last = Timestamp(milliseconds: 253_402_300_799_999)

    public func adding(milliseconds: Int64) -> Timestamp {
        Timestamp(milliseconds: self.milliseconds.addingSaturated(milliseconds))
    }

    public var rfc3339: String { RFC3339.text(self) }

    public var description: String { rfc3339 }
}
