import BuiltInCatalog
import CatalogFeed
import CatalogFile
import Contracts
import Store
import StoreTesting
import Synchronization
import Testing

/// What a request keeps of the version of the catalog that accepted it.
@Suite struct EarlierCatalogsTests {
    private static let route = Route(Capability(rawValue: "feedback"), "mood")

    private static func catalog(_ description: String?) -> Catalog {
        let task = description.map {
            TaskDescription(
                name: "mood", title: "Mood", description: $0, unit: .document, output: .text,
                comparator: .normalizedText, models: TaskModels(full: "endpoint:big"))
        }
        let capability = CapabilityDescription(
            name: route.capability, title: "Feedback", description: "Reads.", tasks: task.map { [$0] } ?? [])
        return Catalog(task == nil ? [] : [capability])
    }

    /// Counts what is read.
    private final class CountingRegister: CatalogRegister {
        private let store = InMemoryStore()
        private let count = Mutex(0)
        var reads: Int { count.withLock(\.self) }

        func catalogVersion(_ number: Int64) async throws -> CatalogVersion? {
            count.withLock { $0 += 1 }
            for _ in 0..<20 { await Task.yield() }
            return try await store.catalogVersion(number)
        }

        func currentCatalog() async throws -> CatalogVersion? { try await store.currentCatalog() }
        func currentCatalogNumber() async throws -> Int64? { try await store.currentCatalogNumber() }
        func catalogVersions(limit: Int) async throws -> [CatalogVersion] {
            try await store.catalogVersions(limit: limit)
        }
        func openRoutes() async throws -> Set<Route> { try await store.openRoutes() }
        func addCatalog(
            _ body: [UInt8], fingerprint: String, after previous: Int64?, prices: [Price]
        ) async throws -> CatalogVersion? {
            try await store.addCatalog(body, fingerprint: fingerprint, after: previous, prices: prices)
        }
    }

    @Test func `a version is read once, however many ask for it, and also if there is none`() async throws {
        let register = CountingRegister()
        let catalog = Self.catalog("First.")
        _ = try await register.addCatalog(
            CatalogFile.write(catalog), fingerprint: CatalogFile.fingerprint(catalog), after: nil)
        let earlier = EarlierCatalogs(LiveCatalog(Self.catalog("Third."), version: 3), register)
        for (version, words) in [(1, "First."), (2, "Third.")] as [(Int64, String)] {
            let before = register.reads
            try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<50 { group.addTask { try await earlier.task(Self.route, in: version)?.description } }
                for try await found in group { #expect(found == words) }
            }
            _ = try await earlier.task(Self.route, in: version)
            #expect(register.reads == before + 1)
        }
    }

    @Test func `a request keeps the task of its version, and later and unknown versions have the task as it is now`()
        async throws
    {
        let store = InMemoryStore()
        var previous: Int64?
        for description in ["First.", "Second.", nil, "Fourth."] {
            let catalog = Self.catalog(description)
            previous = try await store.addCatalog(
                CatalogFile.write(catalog), fingerprint: CatalogFile.fingerprint(catalog), after: previous)?.number
        }
        _ = try await store.addCatalog(Array("no catalog".utf8), fingerprint: "", after: previous)
        let live = LiveCatalog(Self.catalog("Sixth."), version: 6)
        let earlier = EarlierCatalogs(live, store)
        func words(_ version: Int64?) async throws -> String? {
            try await earlier.task(Self.route, in: version)?.description
        }
        #expect(try await words(1) == "First.")
        #expect(try await words(2) == "Second.")
        #expect(try await words(4) == "Fourth.")
        // Without the task, unreadable, in force, later than this process knows, from before catalogs.
        for version in [3, 5, 6, 7, nil] as [Int64?] { #expect(try await words(version) == "Sixth.") }
        #expect(live.replace(with: Self.catalog("Seventh."), version: 7))
        #expect(try await words(6) == "Seventh.")
        #expect(try await words(1) == "First.")
    }
}
