import Contracts
import Synchronization

extension InMemoryStore: TenantTopicRegister {
    public func giveOwnTopics(to tenant: TenantID) async throws {
        state.withLock { state in
            state.ownTopics.insert(tenant)
            state.markOwnTopics(of: tenant, true)
        }
    }

    public func takeOwnTopics(from tenant: TenantID) async throws -> Bool {
        state.withLock { state in
            state.markOwnTopics(of: tenant, false)
            return state.ownTopics.remove(tenant) != nil
        }
    }

    public func tenantsWithOwnTopics() async throws -> Set<TenantID> { state.withLock(\.ownTopics) }
}

extension InMemoryStore.State {
    fileprivate mutating func markOwnTopics(of tenant: TenantID, _ hasOwnTopics: Bool) {
        for (id, request) in requests where request.tenant == tenant { requests[id]?.hasOwnTopics = hasOwnTopics }
    }
}
