import FoundationEssentials

/// An instant. - Units: milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// - Returns: `nil` unless `text` is an RFC 3339 time; what is finer than a millisecond is cut off.
    public init?(rfc3339 text: String) {
        guard let time = RFC3339.timestamp(text) else { return nil }
        self = time
    }

    public static var now: Timestamp {
        Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    public func adding(milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: self.milliseconds + milliseconds) }

    /// In UTC, with milliseconds.
    public var rfc3339: String { RFC3339.text(self) }

    public var description: String { rfc3339 }
}
