/// On whose behalf a request is answered and whom it is charged to.
public struct TenantID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    public static let `default` = TenantID(rawValue: "default")

    public var description: String { rawValue }
}
