import PostgresStore
import Store
import Testing

@Suite struct CatalogVersionTests {
    private static let first = Array(#"{"capabilities":[]}"#.utf8)
    private static let second = Array(#"{"capabilities":[{"name":"é\u0000"}]}"#.utf8)
    private static let fingerprint = String(repeating: "0a", count: 32)

    @Test(arguments: StoreKind.allCases)
    func `the newest version is in force, and every version is kept byte for byte`(kind: StoreKind) async throws {
        try await kind.with { store in
            #expect(try await store.currentCatalog() == nil)
            #expect(try await store.currentCatalogNumber() == nil)
            let one = try #require(
                try await store.addCatalog(Self.first, fingerprint: Self.fingerprint, after: nil))
            let two = try #require(
                try await store.addCatalog(Self.second, fingerprint: Self.fingerprint, after: one.number))
            #expect(one.body == Self.first && two.body == Self.second && two.number > one.number)
            #expect(try await store.currentCatalog() == two)
            #expect(try await store.currentCatalogNumber() == two.number)
            #expect(try await store.catalogVersions(limit: 5) == [two, one])
            #expect(try await store.catalogVersions(limit: 1) == [two])
            #expect(try await store.catalogVersions(limit: 0) == [])
            #expect(try await store.catalogVersion(one.number) == one)
            #expect(try await store.catalogVersion(two.number + 1) == nil)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `a version that was compared with another than the current one is not added`(kind: StoreKind) async throws {
        try await kind.with { store in
            let one = try #require(
                try await store.addCatalog(Self.first, fingerprint: Self.fingerprint, after: nil))
            #expect(try await store.addCatalog(Self.second, fingerprint: Self.fingerprint, after: nil) == nil)
            #expect(
                try await store.addCatalog(Self.second, fingerprint: Self.fingerprint, after: one.number + 1) == nil)
            #expect(try await store.currentCatalog() == one)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func `of many who apply at the same time exactly one succeeds`(kind: StoreKind) async throws {
        try await kind.with { store in
            let added = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await store.addCatalog(Self.first, fingerprint: Self.fingerprint, after: nil) != nil
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(added == 1)
            #expect(try await store.catalogVersions(limit: 9).count == 1)
        }
    }
}
