import Contracts

/// Which tenants have topics of their own.
public protocol TenantTopicRegister: Sendable {
    /// From then on the tenant's requests are taken from its own topics only, and its results go to its own topic only.
    func giveOwnTopics(to tenant: TenantID) async throws

    /// Takes it back.
    /// - Returns: whether the tenant had topics of its own.
    func takeOwnTopics(from tenant: TenantID) async throws -> Bool

    func tenantsWithOwnTopics() async throws -> Set<TenantID>
}
