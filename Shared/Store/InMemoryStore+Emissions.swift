import Contracts
import Synchronization

extension InMemoryStore: EmissionOutbox {
    public func owedEmissions(limit: Int) async throws -> [OwedEmission] {
        state.withLock { Array($0.owed.prefix(max(0, limit))) }
    }

    public func forgetEmissions(_ emissions: [OwedEmission]) async throws {
        let ids = Set(emissions.map(\.id))
        state.withLock { state in state.owed.removeAll { ids.contains($0.id) } }
    }
}

extension InMemoryStore.State {
    mutating func owe(_ emissions: [(request: Request.ID, kind: OwedEmission.Kind)]) {
        for (request, kind) in emissions {
            lastOwed += 1
            owed.append(OwedEmission(id: lastOwed, request: request, kind: kind))
        }
    }
}
