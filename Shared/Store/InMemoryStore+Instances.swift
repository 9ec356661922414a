import Contracts
import Synchronization

extension InMemoryStore: InstanceRegister {
    public func note(_ instances: [Instance]) async throws {
        register.withLock { known in
            for instance in instances where known[instance.id]?.beatAt ?? instance.beatAt <= instance.beatAt {
                known[instance.id] = instance
            }
        }
    }

    public func forgetInstances(silentSince instant: Timestamp) async throws {
        register.withLock { known in known = known.filter { $0.value.beatAt >= instant } }
    }

    public func instances() async throws -> [Instance] {
        register.withLock { $0.values.sorted { $0.id < $1.id } }
    }
}
