import CatalogFile
import Contracts
import KafkaBus
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
        let (capabilities, faults) = CatalogCheck.read(path, modelsDirectory: session.modelsDirectory)
        let all =
            faults
            + capabilities.filter { !Self.isServed($0) }.map { capability in
                CatalogFileError.Fault(
                    .conflict, path, "\(capability.name)",
                    "cannot be served by this version: all tasks must answer with labels, and name one folder each as small"
                        + " and as full model")
            }
        guard all.isEmpty else {
            Console.print(Table(all), asJSON: isJSON)
            return .failed
        }
        let store = PostgresStore(try session.postgres())
        let version = try await store.currentCatalog()
        let current = try version.map { try CatalogFile.read(catalog: $0.body, file: "version \($0.number)") }
        let next = merged(capabilities, into: current)
        let changes = CatalogDifference(from: current ?? Catalog(), to: next).changes
        let body = CatalogFile.write(next)
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
        Console.print(Table(changes), asJSON: isJSON)
        guard !isDryRun else { return .ok }
        // First the topics: a service that follows the new version sends to them at once.
        try await createTopics(of: next)
        let added = try await store.addCatalog(
            body, fingerprint: CatalogFile.fingerprint(next), after: version?.number)
        guard let added else {
            Console.complain("winnow catalog: another version was applied meanwhile; run the command again")
            return .failed
        }
        if !isJSON { Console.print("Version \(added.number) is in force.") }
        return .ok
    }

    /// Whether this version's worker and escalator can answer all tasks.
    private static func isServed(_ capability: CapabilityDescription) -> Bool {
        let catalog = Catalog([capability])
        guard catalog.smallModel(of: capability.name) != nil, let full = catalog.fullModel(of: capability.name) else {
            return false
        }
        return !TaskModels.isEndpoint(full)
            && capability.tasks.allSatisfy { task in
                guard case .label = task.output else { return false }
                return task.models.middle == nil && task.pool == nil
            }
    }

    /// A file replaces one capability; a folder is the whole catalog.
    private func merged(_ capabilities: [CapabilityDescription], into current: Catalog?) -> Catalog {
        guard SmallFile.isRegular(path), let current else { return Catalog(capabilities) }
        let names = Set(capabilities.map(\.name))
        return Catalog(current.capabilities.filter { !names.contains($0.name) } + capabilities)
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
            + catalog.capabilities.map(\.name).flatMap { name in
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
