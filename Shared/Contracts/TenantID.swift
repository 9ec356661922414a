/// On whose behalf a request is answered and whom it is charged to.
public struct TenantID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// Whom `ce_authid` names; nobody, or an empty name, is the default tenant.
    public init(authID: String?) {
        self = authID.flatMap { $0.isEmpty ? nil : TenantID(rawValue: $0) } ?? .default
    }

    public static let `default` = TenantID(rawValue: "default")

    public var description: String { rawValue }
}
