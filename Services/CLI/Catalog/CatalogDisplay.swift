import CatalogFeed
import CatalogFile
import Contracts
import PostgresStore
import Store

/// Prints a catalog, or one of its capabilities.
struct CatalogDisplay {
    /// Where the catalog is read from.
    enum Place {
        case folder(String)
        /// The version in force, in the database.
        case applied
    }

    let place: Place
    let isJSON: Bool

    init(place: Place, asJSON isJSON: Bool) {
        self.place = place
        self.isJSON = isJSON
    }

    func show(_ name: Capability?, _ session: Session) async throws -> ExitStatus {
        guard let catalog = try await catalog(session) else {
            Console.complain("winnow catalog: no catalog is applied")
            return .failed
        }
        guard let name else {
            if isJSON {
                Console.print(CatalogFile.write(catalog))
            } else {
                Console.print(Table(catalog.capabilities), asJSON: false)
                if let words = catalog.decomposition.words { Console.print("\n\(words)") }
            }
            return .ok
        }
        guard let capability = catalog[name] else {
            Console.complain("winnow catalog: no such capability: \(name)")
            return .failed
        }
        guard !isJSON else {
            Console.print(CatalogFile.write(capability))
            return .ok
        }
        Console.print("\(capability.title): \(capability.description)\n")
        if let words = capability.languageWords { Console.print("\(words)\n") }
        Console.print(Table([capability]), asJSON: false)
        for task in capability.tasks {
            Console.print("\n\(capability.name)/\(task.name): \(task.description)")
            if let routing = task.routing {
                let head = routing.head.map { "a head of router \($0.router), from \($0.threshold)" } ?? "no head"
                Console.print("People's texts find it by \(head); \(routing.examples.count) examples.")
            }
            guard case .label(let labels) = task.output else { continue }
            let rows = labels.map { [Table.Cell.text($0.name), .text($0.description)] }
            Console.print(Table(columns: ["label", "meaning"], rows: rows), asJSON: false)
        }
        return .ok
    }

    /// - Returns: `nil` if none is applied.
    private func catalog(_ session: Session) async throws -> Catalog? {
        switch place {
        case .folder(let folder): return try CatalogFile.read(folder: folder)
        case .applied:
            return try await PostgresStore(session.postgres()).currentCatalog().map { try $0.catalog() }
        }
    }
}

extension CapabilityDescription {
    fileprivate var languageWords: String? {
        guard !languages.isEmpty else { return nil }
        let own = "Its small models were cut for \(languages.joined(separator: ", "))"
        let full = fullLanguages == [Self.anyLanguage] ? "any language" : fullLanguages.joined(separator: ", ")
        return fullLanguages.isEmpty ? "\(own)." : "\(own). Its full models understand \(full) as well."
    }
}

extension DecompositionDescription {
    fileprivate var words: String? {
        guard isEndpoint else { return nil }
        let cuts = splitBelow.map { ", and cuts where the router is less sure than \($0)" }
        return "Where the router is not sure, \(full) routes\(cuts ?? "")."
    }
}

extension Table {
    /// Lists the tasks of capabilities.
    fileprivate init(_ capabilities: [CapabilityDescription]) {
        self.init(
            columns: ["task", "unit", "answer", "comparator", "small", "middle", "full", "long texts", "pool"],
            rows: capabilities.flatMap { capability in
                capability.tasks.map { task in
                    [
                        .text("\(capability.name)/\(task.name)"), .text(task.unit.rawValue),
                        .text(task.output.words), .text(task.comparator.rawValue), Self.cell(task.models.small),
                        Self.cell(task.models.middle), .text(task.models.full), .text(task.windowRule.words),
                        Self.cell(task.pool),
                    ]
                }
            })
    }

    private static func cell(_ text: String?) -> Cell { text.map { .text($0) } ?? .none }
}

extension TaskDescription.Output {
    fileprivate var words: String {
        switch self {
        case .label(let labels): "\(labels.count) labels"
        case .text: "text"
        case .json: "json"
        case .transcript: "transcript"
        }
    }
}
