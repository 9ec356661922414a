import CatalogFeed
import CatalogFile
import Contracts
import KafkaBus
import ModelEndpoint
import PostgresStore
import Settings
import Store

/// Puts the catalog of a folder, or one capability of a file, in force.
struct CatalogApplication {
    private let path: String
    private let session: Session

    init(_ path: String, _ session: Session) {
        self.path = path
        self.session = session
    }

    func run(isDryRun: Bool, asJSON isJSON: Bool) async throws -> ExitStatus {
        let (read, faults) = CatalogCheck.read(
            path, modelsDirectory: session.modelsDirectory, endpointsDirectory: session.endpointsDirectory)
        let all =
            faults
            + read.capabilities.flatMap { capability in
                capability.tasks.compactMap { task in
                    Self.obstacle(to: task, in: capability).map { reason in
                        CatalogFileError.Fault(
                            .conflict, path, "\(capability.name)/\(task.name)",
                            "cannot be served by this version: \(reason)")
                    }
                }
            }
        guard all.isEmpty else {
            Console.print(Table(all), asJSON: isJSON)
            return .failed
        }
        let store = PostgresStore(try session.postgres())
        let version = try await store.currentCatalog()
        let current = try version.map { try $0.catalog() }
        let next = merged(read, into: current)
        let changes = CatalogDifference(from: current ?? Catalog(), to: next).changes
        let body = CatalogFile.write(next)
        guard body.count <= CatalogLimits.catalogBytes else {
            throw CatalogFileError([
                .init(.size, path, "", "makes a catalog of more than \(CatalogLimits.catalogBytes) bytes")
            ])
        }
        if body == version?.body {
            if isJSON { Console.print(Table(changes), asJSON: true) } else { Console.print("Nothing changes.") }
            return .ok
        }
        let lost = try await store.openRoutes().filter { $0 != .decomposition && next[$0] == nil }
        guard lost.isEmpty else {
            let names = lost.map(\.description).sorted().joined(separator: ", ")
            Console.complain("winnow catalog: open requests have steps on routes that would disappear: \(names)")
            return .failed
        }
        let prices = try await newPrices(of: next, store)
        Console.print(Table(changes), asJSON: isJSON)
        guard !isDryRun else { return .ok }
        // First the topics: a service that follows the new version sends to them at once.
        try await createTopics(of: next)
        let added = try await store.addCatalog(
            body, fingerprint: CatalogFile.fingerprint(next), after: version?.number, prices: prices)
        guard let added else {
            Console.complain("winnow catalog: another version was applied meanwhile; run the command again")
            return .failed
        }
        if !isJSON { Console.print("Version \(added.number) is in force.") }
        return .ok
    }

    /// Why this version's worker and escalator cannot answer a task.
    private static func obstacle(to task: TaskDescription, in capability: CapabilityDescription) -> String? {
        if task.pool != nil { return "there are no pools" }
        if case .transcript = task.output { return "there are no transcripts" }
        guard let small = task.models.small else { return nil }
        if TaskModels.isEndpoint(small) { return nil }
        let hasWorker = Catalog([capability]).smallModel(of: capability.name) != nil
        return hasWorker ? nil : "all tasks must name the same small model, except for endpoints"
    }

    /// A file replaces one capability; a folder is the whole catalog. Endpoints that nobody names any more are left out.
    private func merged(_ read: Catalog, into current: Catalog?) -> Catalog {
        guard SmallFile.isRegular(path), let current else { return read }
        let names = Set(read.capabilities.map(\.name))
        let kept = Catalog(
            current.capabilities.filter { !names.contains($0.name) }, decomposition: current.decomposition)
        let capabilities = kept.capabilities + read.capabilities
        let needed = EndpointFolder(session.endpointsDirectory)
            .closure(of: kept.endpointNames, among: current.endpoints).subtracting(read.endpoints.map(\.name))
        return Catalog(
            capabilities, endpoints: read.endpoints + current.endpoints.filter { needed.contains($0.name) },
            decomposition: current.decomposition)
    }

    /// Returns the prices of endpoints that the price list does not have yet: for a model that is new to it, the price in
    /// force and all later ones, and otherwise those that begin in the future.
    /// - Throws: `StoreError`; `CatalogFileError` if a file changes a price that is in force.
    private func newPrices(of catalog: Catalog, _ store: PostgresStore) async throws -> [Price] {
        let known = Dictionary(grouping: try await store.prices(), by: \.model)
        let folder = EndpointFolder(session.endpointsDirectory)
        let now = Timestamp.now
        return try catalog.endpoints.flatMap { endpoint -> [Price] in
            let model = TaskModels.endpointPrefix + endpoint.name
            let described = try folder.prices(of: endpoint).map {
                Price(model: model, inputToken: $0.input, outputToken: $0.output, validFrom: $0.from)
            }
            let inForce = described.first { $0.validFrom <= now }
            let later = described.filter { $0.validFrom > now }
            guard let old = known[model] else { return later + [inForce].compactMap(\.self) }
            let current = old.first { $0.validFrom <= now }
            guard current?.inputToken == inForce?.inputToken, current?.outputToken == inForce?.outputToken else {
                throw CatalogFileError([
                    .init(
                        .conflict, "\(session.endpointsDirectory)/\(endpoint.name).json", "prices",
                        "changes a price that is in force: add one that begins in the future")
                ])
            }
            return later.filter { price in !old.contains { $0.validFrom == price.validFrom } }
        }
    }

    private func createTopics(of catalog: Catalog) async throws {
        let admin = try KafkaAdmin(settings: try session.kafka(), logger: session.logger)
        let known = Dictionary(try TopicCatalog(contentsOf: session.topicsFile).entries.map { ($0.name, $0) }) { $1 }
        // The topic of the catalog itself too: it does not exist where an older version has created the topics.
        let own =
            known[Topic.catalog]
            ?? TopicCatalog.Entry(
                name: Topic.catalog, partitions: 1, configuration: ["cleanup.policy": "compact"])
        let entries =
            [own]
            + catalog.capabilitiesWithWorkers.flatMap { name in
                Lane.allCases.map { known[Topic.steps(name, $0)] ?? .steps(of: name, $0) }
            }
        // The embedded broker creates a topic that it is asked about, and has no admin API.
        if try await admin.isEmbedded() {
            try await admin.touch(entries.map(\.name))
        } else {
            _ = try await admin.create(TopicCatalog(entries: entries))
        }
    }
}
