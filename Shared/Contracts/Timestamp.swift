import Glibc

/// An instant. - Units: milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// - Source: RFC 3339, section 5.6. Fractions of a millisecond are cut off.
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

    /// The last instant of the year 9999, which is the latest time that RFC 3339 can express.
    public static let last = Timestamp(milliseconds: 253_402_300_799_999)

    public func adding(milliseconds: Int64) -> Timestamp {
        Timestamp(milliseconds: self.milliseconds.addingSaturated(milliseconds))
    }

    public var rfc3339: String { RFC3339.text(self) }

    public var description: String { rfc3339 }
}

/// Converts times to and from the format of event attributes, exact to the millisecond. Foundation's `Date` holds
/// seconds as a `Double` and loses a millisecond in about half of all conversions.
/// - Source: RFC 3339, section 5.6
enum RFC3339 {
    /// Formats a time in UTC with milliseconds.
    static func text(_ time: Timestamp) -> String {
        // The format has exactly four digits for the year.
        let milliseconds = min(max(time.milliseconds, -62_167_219_200_000), Timestamp.last.milliseconds)
        let rest = (milliseconds % 1000 + 1000) % 1000
        let civil = civil((milliseconds - rest) / 1000)
        return String(unsafeUninitializedCapacity: 24) { buffer in
            var index = 0
            func digits(_ value: Int64, _ count: Int, then separator: Character) {
                var value = value
                for place in (0..<count).reversed() {
                    buffer[index + place] = UInt8(48 + value % 10)
                    value /= 10
                }
                buffer[index + count] = separator.asciiValue ?? 0
                index += count + 1
            }
            digits(Int64(civil.tm_year) + 1900, 4, then: "-")
            digits(Int64(civil.tm_mon) + 1, 2, then: "-")
            digits(Int64(civil.tm_mday), 2, then: "T")
            digits(Int64(civil.tm_hour), 2, then: ":")
            digits(Int64(civil.tm_min), 2, then: ":")
            digits(Int64(civil.tm_sec), 2, then: ".")
            digits(rest, 3, then: "Z")
            return index
        }
    }

    /// - Returns: `nil` unless `text` is an RFC 3339 time. Fractions of a millisecond are cut off.
    static func timestamp(_ text: String) -> Timestamp? {
        var text = text
        return text.withUTF8 { bytes in
            var index = 0
            func number(_ count: Int, in range: ClosedRange<Int64>) -> Int64? {
                guard index + count <= bytes.count else { return nil }
                var value: Int64 = 0
                for byte in bytes[index..<index + count] {
                    guard (48...57).contains(byte) else { return nil }
                    value = value * 10 + Int64(byte - 48)
                }
                index += count
                return range.contains(value) ? value : nil
            }
            func skip(_ allowed: StaticString) -> UInt8? {
                guard index < bytes.count else { return nil }
                let isAllowed = UnsafeBufferPointer(start: allowed.utf8Start, count: allowed.utf8CodeUnitCount)
                    .contains(bytes[index])
                guard isAllowed else { return nil }
                index += 1
                return bytes[index - 1]
            }
            guard let year = number(4, in: 0...9999), skip("-") != nil, let month = number(2, in: 1...12),
                skip("-") != nil, let day = number(2, in: 1...31), skip("Tt ") != nil,
                let hour = number(2, in: 0...23), skip(":") != nil, let minute = number(2, in: 0...59),
                skip(":") != nil,
                let second = number(2, in: 0...60)
            else { return nil }
            guard let midnight = midnight(year, month, day) else { return nil }
            var milliseconds = (midnight + (hour * 60 + minute) * 60 + second) * 1000
            if skip(".") != nil {
                var unit: Int64 = 100
                guard let first = number(1, in: 0...9) else { return nil }
                milliseconds += first * unit
                while let digit = number(1, in: 0...9) {
                    unit /= 10
                    milliseconds += digit * unit
                }
            }
            guard let zone = skip("Zz+-") else { return nil }
            if zone == UInt8(ascii: "+") || zone == UInt8(ascii: "-") {
                guard let hours = number(2, in: 0...23), skip(":") != nil, let minutes = number(2, in: 0...59) else {
                    return nil
                }
                milliseconds += (zone == UInt8(ascii: "-") ? 1 : -1) * (hours * 60 + minutes) * 60_000
            }
            return index == bytes.count ? Timestamp(milliseconds: milliseconds) : nil
        }
    }

    private static func civil(_ seconds: Int64) -> tm {
        var (seconds, civil) = (time_t(seconds), tm())
        gmtime_r(&seconds, &civil)
        return civil
    }

    /// - Returns: seconds since 1970; `nil` for a day that the month does not have.
    private static func midnight(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64? {
        var civil = tm()
        (civil.tm_year, civil.tm_mon, civil.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
        let seconds = Int64(timegm(&civil))
        // timegm turns 31 April into 1 May.
        return civil.tm_mday == Int32(day) ? seconds : nil
    }
}
