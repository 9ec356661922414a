/// On whose behalf a request is answered and whom it is charged to.
public struct TenantID: Hashable, Comparable, Sendable, CustomStringConvertible {
    private let exact: ExactText

    public init(rawValue: String) { exact = ExactText(rawValue) }

    /// Whom `ce_authid` names; nobody, or an empty name, is the default tenant.
    public init(authID: String?) {
        self = authID.flatMap { $0.isEmpty ? nil : TenantID(rawValue: $0) } ?? .default
    }

    public static let `default` = TenantID(rawValue: "default")

    public var rawValue: String { exact.text }

    public var description: String { rawValue }

    public static func < (left: TenantID, right: TenantID) -> Bool { left.exact < right.exact }
}
