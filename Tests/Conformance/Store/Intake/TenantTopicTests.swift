import Contracts
import PostgresStore
import Store
import Testing

@Suite struct TenantTopicTests {
    private static let acme = TenantID(rawValue: "acme")

    @Test(arguments: StoreKind.allCases)
    func `a request that is read says whether its tenant now has topics of its own`(kind: StoreKind) async throws {
        try await kind.with { store in
            let (own, other) = (Fixture.snapshot("1", tenant: Self.acme), Fixture.snapshot("1"))
            _ = try await store.accept([.init(snapshot: own), .init(snapshot: other)])
            #expect(try await store.tenantsWithOwnTopics().isEmpty)
            for _ in 0..<2 { try await store.giveOwnTopics(to: Self.acme) }
            #expect(try await store.tenantsWithOwnTopics() == [Self.acme])
            let read = try await store.snapshots(of: [own.id, other.id])
            #expect(
                Dictionary(uniqueKeysWithValues: read.map { ($0.id, $0.hasOwnTopics) }) == [
                    own.id: true, other.id: false,
                ])
            let known = try await store.accept([.init(snapshot: own)])
            #expect(known.map(\.snapshot.hasOwnTopics) == [true])
            #expect(try await store.takeOwnTopics(from: Self.acme))
            #expect(try await !store.takeOwnTopics(from: Self.acme))
            #expect(try await store.snapshots(of: [own.id]).map(\.hasOwnTopics) == [false])
        }
    }
}
