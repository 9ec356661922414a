/// A request from an integrator: free text to decompose, or steps that the integrator names itself.
public struct Request: Sendable, Equatable {
    public enum Channel: String, Sendable {
        /// Free text, which is segmented and routed.
        case human
        /// Names capability, task and items itself. It skips decomposition, which then costs nothing.
        case machine
    }

    /// The integrator's own id (`ce_id`), unique within the tenant.
    public var eventID: EventID
    public var tenant: TenantID
    public var channel: Channel
    public var text: String?
    public var attachments: [Attachment]
    public var steps: [RequestedStep]
    /// Nothing is computed for the request after this time.
    public var deadline: Timestamp?

    public init(
        eventID: EventID, tenant: TenantID = .default, channel: Channel, text: String? = nil,
        attachments: [Attachment] = [], steps: [RequestedStep] = [], deadline: Timestamp? = nil
    ) {
        self.eventID = eventID
        self.tenant = tenant
        self.channel = channel
        self.text = text
        self.attachments = attachments
        self.steps = steps
        self.deadline = deadline
    }
}

/// A text that is sent with a request.
public struct Attachment: Sendable, Equatable {
    public var name: String
    public var mediaType: String
    public var text: String

    public init(name: String, mediaType: String, text: String) {
        self.name = name
        self.mediaType = mediaType
        self.text = text
    }
}

/// A step of a machine request.
public struct RequestedStep: Sendable, Equatable {
    public var route: Route
    public var items: [RequestedItem]
    /// Indices of the steps that must be answered before this step is dispatched. The steps that items take their texts
    /// from need not be among them.
    public var dependsOn: [Int]

    public init(route: Route, items: [RequestedItem], dependsOn: [Int] = []) {
        self.route = route
        self.items = items
        self.dependsOn = dependsOn
    }
}

extension Request {
    /// Winnow's own id of an accepted request: a UUID version 7, so that ids sort and partition by time.
    /// - Source: RFC 9562, section 5.7
    public struct ID: Hashable, Comparable, Sendable, CustomStringConvertible {
        /// The lower-case 36-character form.
        public let description: String

        /// - Returns: `nil` unless `text` is a UUID in its 36-character form.
        public init?(_ text: some StringProtocol) {
            let bytes = Array(text.utf8)
            guard bytes.count == 36 else { return nil }
            for (index, byte) in bytes.enumerated() {
                switch index {
                case 8, 13, 18, 23: guard byte == UInt8(ascii: "-") else { return nil }
                default: guard Character(UnicodeScalar(byte)).isHexDigit else { return nil }
                }
            }
            description = text.lowercased()
        }

        /// Creates an id for a request accepted at `time`.
        public init(
            acceptedAt time: Timestamp = .now, using generator: inout some RandomNumberGenerator
        ) {
            let high = UInt64(time.milliseconds) << 16 | 0x7000 | UInt64.random(in: 0...0xFFF, using: &generator)
            self.init(high, generator.next())
        }

        /// Creates the id of a result whose request is not stored. The same digest always gives the same id. It has
        /// UUID version 8, so it differs from the id of every stored request.
        public init(digest: UInt128) {
            self.init(UInt64(truncatingIfNeeded: digest >> 64) & ~0xF000 | 0x8000, UInt64(truncatingIfNeeded: digest))
        }

        private init(_ high: UInt64, _ low: UInt64) {
            let digits = Self.hex(high) + Self.hex(low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
            var text = ""
            text.reserveCapacity(36)
            for (index, digit) in digits.enumerated() {
                if [8, 12, 16, 20].contains(index) { text += "-" }
                text.unicodeScalars.append(UnicodeScalar(digit))
            }
            description = text
        }

        public static func < (left: ID, right: ID) -> Bool { left.description < right.description }

        private static func hex(_ value: UInt64) -> [UInt8] {
            let digits = Array("0123456789abcdef".utf8)
            return (0..<16).map { digits[Int(value >> UInt64(60 - 4 * $0) & 15)] }
        }
    }
}

/// The integrator's own id of a request (`ce_id`), unique within its tenant.
public struct EventID: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
    private let exact: ExactText

    public init(_ text: String) { exact = ExactText(text) }

    public init(stringLiteral text: String) { self.init(text) }

    public var text: String { exact.text }

    public var description: String { text }

    public static func < (left: EventID, right: EventID) -> Bool { left.exact < right.exact }
}

/// The tenant on whose behalf a request is answered and who pays for it.
public struct TenantID: Hashable, Comparable, Sendable, CustomStringConvertible {
    private let exact: ExactText

    public init(rawValue: String) { exact = ExactText(rawValue) }

    /// The tenant that `ce_authid` names. A missing or empty name is the default tenant.
    public init(authID: String?) {
        self = authID.flatMap { $0.isEmpty ? nil : TenantID(rawValue: $0) } ?? .default
    }

    public static let `default` = TenantID(rawValue: "default")

    public var rawValue: String { exact.text }

    public var description: String { rawValue }

    public static func < (left: TenantID, right: TenantID) -> Bool { left.exact < right.exact }
}
