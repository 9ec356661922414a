import CatalogFeed
import CatalogFile
import Contracts
import Glibc
import PostgresStore
import KafkaBus
import Settings
import Store

/// Checks, shows and compares catalogs of capabilities.
struct CatalogVerb: Verb {
    static let name = "catalog"
    static let summary = "check, show, compare or render the descriptions of capabilities"
    static let help = """
        Usage: winnow catalog validate [DIR|FILE] [--json]
               winnow catalog show [CAPABILITY] [--catalog DIR | --applied] [--json]
               winnow catalog diff DIR DIR [--json]
               winnow catalog apply [DIR|FILE] [--dry-run] [--json]
               winnow catalog refit [DIR|FILE] [--task CAPABILITY/TASK --data FILE] [--json]
               winnow catalog history [--json]
               winnow catalog export DIR [--endpoints DIR]
               winnow catalog render TARGET [--catalog DIR] [--file FILE] [--write]

        A catalog is a folder with a folder for each capability, which holds its capability.json. The default is
        WINNOW_CAPABILITIES_DIRECTORY (infra/capabilities). A file decomposition.json beside the folders names the model
        that routes, and cuts, where the router is not sure.

        'validate' checks the files, and whether each model in WINNOW_MODELS_DIRECTORY exists and has exactly the labels
        of the task. Of an endpoint it reads the file in WINNOW_ENDPOINTS_DIRECTORY (infra/endpoints). It prints every
        fault, and exits with 1 if there is one. 'show' lists the tasks, or the labels of one capability. With --json it
        prints the canonical form, which is stored and published. 'diff' says in words what changes from the first catalog to the second.

        'apply' checks the files, prints what changes from the catalog in force, creates the topics of new capabilities,
        and puts the catalog in force for all services. A file adds or replaces one capability, a folder is the whole
        catalog. A route of which an open request has a step cannot disappear. 'history' lists the versions, and
        'export' writes the one in force to DIR, and with --endpoints its endpoints to another folder.

        'refit' fits the route heads by which people's texts find the tasks: from the examples in the files, to the
        router in WINNOW_MODELS_DIRECTORY. It writes them into the files, and prints how many examples each accepts,
        and how many states of everything else. --data gives a task its examples first: up to 200 of the texts in
        FILE, JSON Lines, plain or gzipped: {"text", "label"}. Lines with a label that the task lacks are left out.

        'render' reads a deployment file, replaces the parts that follow from the catalog, and prints the whole file.
        Redirect it to another file only, since a shell empties the target before it is read. The parts are marked by
        comments, in topics.json they are the topics of steps. TARGET is compose, environment, prometheus, kubernetes,
        topics or rights. The replicas of kubernetes follow the partitions in WINNOW_TOPICS_FILE.

          --dry-run      change nothing
          --task, --data fit the head of this task to texts of this file
          --catalog DIR  show or render this catalog
          --applied      show the catalog in force, as the database has it
          --file FILE    read this file (default: the repository's, in the current directory)
          --write        replace the file, and print nothing
        """

    private enum Action {
        case validate(String?)
        case show(Capability?, CatalogDisplay.Place?)
        case diff(String, String)
        case apply(String?, isDryRun: Bool)
        case refit(String?, RouteHeadRefit.Examples?)
        case history
        case export(String, endpoints: String?)
        case render(CatalogRendering.Target, directory: String?, file: String?, writes: Bool)
    }

    static let flags: Set<String> = ["--json", "--dry-run", "--write", "--applied"]

    private let action: Action
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let word = try arguments.operand("validate, show, diff, apply, refit, history, export or render")
        var words = arguments.rest()[...]
        switch word {
        case "validate": action = .validate(words.popFirst())
        case "show":
            action = .show(words.popFirst().map { Capability(rawValue: $0) }, try Self.place(&arguments))
        case "diff":
            guard let old = words.popFirst(), let new = words.popFirst() else { throw UsageError("DIR is missing") }
            action = .diff(old, new)
        case "apply":
            action = .apply(words.popFirst(), isDryRun: arguments.flag("--dry-run"))
        case "refit": action = .refit(words.popFirst(), try Self.examples(&arguments))
        case "history": action = .history
        case "export":
            guard let folder = words.popFirst() else { throw UsageError("DIR is missing") }
            action = .export(folder, endpoints: arguments.value("--endpoints"))
        case "render":
            guard let word = words.popFirst() else { throw UsageError("TARGET is missing") }
            guard let target = CatalogRendering.Target(rawValue: word) else {
                throw UsageError("no such target: \(word)")
            }
            action = .render(
                target, directory: arguments.value("--catalog"), file: arguments.value("--file"),
                writes: arguments.flag("--write"))
        default: throw UsageError("no such action: \(word)")
        }
        if let word = words.first { throw UsageError("unexpected word: \(word)") }
        // A rendered file has its own form.
        if case .render = action { isJSON = false } else { isJSON = arguments.flag("--json") }
    }

    private static func place(_ arguments: inout Arguments) throws(UsageError) -> CatalogDisplay.Place? {
        switch (arguments.value("--catalog"), arguments.flag("--applied")) {
        case (_?, true): throw UsageError("--catalog and --applied exclude each other")
        case (let folder?, false): return .folder(folder)
        case (nil, true): return .applied
        case (nil, false): return nil
        }
    }

    private static func examples(_ arguments: inout Arguments) throws(UsageError) -> RouteHeadRefit.Examples? {
        switch (arguments.value("--task"), arguments.value("--data")) {
        case (nil, nil): return nil
        case (let task?, let data?):
            guard let route = Route(task) else { throw UsageError("--task must be CAPABILITY/TASK") }
            return RouteHeadRefit.Examples(route: route, data: data)
        default: throw UsageError("--task and --data need each other")
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        switch action {
        case .validate(let path): return validate(path ?? session.capabilitiesDirectory, session)
        case .show(let capability, let place):
            return try await CatalogDisplay(
                place: place ?? .folder(session.capabilitiesDirectory), asJSON: isJSON
            ).show(capability, session)
        case .diff(let old, let new):
            let changes = CatalogDifference(
                from: try CatalogFile.read(folder: old), to: try CatalogFile.read(folder: new)
            ).changes
            if changes.isEmpty, !isJSON {
                Console.print("The catalogs are equal.")
            } else {
                Console.print(Table(changes), asJSON: isJSON)
            }
            return .ok
        case .apply(let path, let isDryRun):
            return try await CatalogApplication(path ?? session.capabilitiesDirectory, session)
                .run(isDryRun: isDryRun, asJSON: isJSON)
        case .refit(let path, let examples):
            return try RouteHeadRefit(
                path: path ?? session.capabilitiesDirectory, examples: examples, session: session
            ).run(asJSON: isJSON)
        case .history: return try await history(session)
        case .export(let folder, let endpoints): return try await export(to: folder, endpoints: endpoints, session)
        case .render(let target, let directory, let file, let writes):
            let path = file ?? target.file
            let catalog = try CatalogFile.read(folder: directory ?? session.capabilitiesDirectory)
            let rendering = CatalogRendering(catalog, topics: try TopicCatalog(contentsOf: session.topicsFile))
            guard let present = String(validating: try SmallFile.read(path), as: UTF8.self) else {
                throw RenderingError("\(path): is not UTF-8")
            }
            do throws(RenderingError) {
                let text = try rendering.render(target, in: present)
                if writes {
                    if text != present { try write(text, to: path) }
                } else {
                    // The console ends what it prints with a line break.
                    Console.print(text.hasSuffix("\n") ? String(text.dropLast()) : text)
                }
            } catch {
                throw RenderingError("\(path): \(error)")
            }
            return .ok
        }
    }

    private func write(_ text: String, to path: String) throws(RenderingError) {
        do {
            try SmallFile.replace(path, with: text)
        } catch {
            throw RenderingError(error.reason)
        }
    }

    private func history(_ session: Session) async throws -> ExitStatus {
        let versions = try await PostgresStore(session.postgres()).catalogVersions(limit: 100)
        let rows = versions.map { version in
            [
                Table.Cell.number("\(version.number)"), .text(version.appliedAt.rfc3339),
                .text(String(version.fingerprint.prefix(12))),
            ]
        }
        Console.print(Table(columns: ["version", "applied_at", "fingerprint"], rows: rows), asJSON: isJSON)
        return .ok
    }

    private func export(to folder: String, endpoints: String?, _ session: Session) async throws -> ExitStatus {
        guard let version = try await PostgresStore(session.postgres()).currentCatalog() else {
            Console.complain("winnow catalog: no catalog is applied")
            return .failed
        }
        let catalog = try version.catalog()
        mkdir(folder, 0o755)
        for capability in catalog.capabilities {
            let place = "\(folder)/\(capability.name)"
            // A folder that cannot be made is reported by the file that cannot be written.
            mkdir(place, 0o755)
            try SmallFile.replace("\(place)/\(CatalogFile.name)", with: CatalogFile.write(capability))
        }
        if catalog.decomposition != DecompositionDescription() {
            try SmallFile.replace(
                "\(folder)/\(CatalogFile.decompositionName)", with: CatalogFile.write(catalog.decomposition))
        }
        if let endpoints {
            mkdir(endpoints, 0o755)
            for endpoint in catalog.endpoints {
                try SmallFile.replace("\(endpoints)/\(endpoint.name).json", with: Array(endpoint.file.utf8))
            }
        }
        Console.print("Version \(version.number): \(catalog.capabilities.count) capabilities in \(folder)")
        return .ok
    }

    private func validate(_ path: String, _ session: Session) -> ExitStatus {
        let (catalog, faults) = CatalogCheck.read(
            path, modelsDirectory: session.modelsDirectory, endpointsDirectory: session.endpointsDirectory)
        if isJSON || !faults.isEmpty {
            Console.print(Table(faults), asJSON: isJSON)
        } else {
            Console.print("No faults. Capabilities: \(catalog.capabilities.count), tasks: \(catalog.routes.count).")
        }
        return faults.isEmpty ? .ok : .failed
    }
}

extension Table {
    init(_ faults: [CatalogFileError.Fault]) {
        self.init(
            columns: ["file", "place", "fault", "code"],
            rows: faults.map { [.text($0.file), .text($0.path), .text($0.message), .text($0.code.rawValue)] })
    }

    init(_ changes: [CatalogDifference.Change]) {
        self.init(
            columns: ["change", "what", "details"],
            rows: changes.map { change in
                [.text(change.kind.rawValue), .text(change.subject), .text(change.details.joined(separator: "; "))]
            })
    }
}
