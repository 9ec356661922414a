import CatalogFile
import Contracts
import Crypto
import Evaluation
import Inference
import JSON
import Settings

/// Fits the route heads of capabilities to the router in the models directory, and writes them into the files.
struct RouteHeadRefit {
    /// Texts for one task.
    struct Examples {
        let route: Route
        /// JSON Lines, plain or gzipped: `{"text", "label"}`.
        let data: String
    }

    let path: String
    let examples: Examples?
    let session: Session

    func run(asJSON isJSON: Bool) throws -> ExitStatus {
        let files =
            SmallFile.isRegular(path)
            ? [path]
            : try CatalogFile.read(folder: path).capabilities.map { "\(path)/\($0.name)/\(CatalogFile.name)" }
        let folder = "\(session.modelsDirectory)/router"
        let router = try ItemReader(directory: folder, catalog: Catalog())
        let states = try RouterStates(directory: folder, of: router)
        var table = Table(
            columns: ["task", "examples", "recall", "false_accepts", "others", "temperature", "threshold"], rows: [])
        var hasFailed = false, isFound = examples == nil
        for file in files {
            var capability = try CatalogFile.read(file: file)
            var hasChanged = false
            for index in capability.tasks.indices {
                let route = Route(capability.name, capability.tasks[index].name)
                if let examples, examples.route != route { continue }
                isFound = true
                guard let texts = try texts(of: capability.tasks[index], route) else { continue }
                guard let fit = try RouteHeadFit(texts, against: states, router: router) else {
                    Console.complain(
                        "winnow catalog: \(route): the router cannot tell the examples from everything else; the task"
                            + " stays as it was")
                    hasFailed = true
                    continue
                }
                capability.tasks[index].routing = TaskRouting(examples: texts, head: fit.head)
                hasChanged = true
                table.rows.append(Self.row(route, fit))
            }
            if hasChanged { try write(capability, to: file) }
        }
        guard isFound else {
            Console.complain("winnow catalog: no such task: \(examples.map { "\($0.route)" } ?? "")")
            return .failed
        }
        Console.print(table, asJSON: isJSON)
        return hasFailed ? .failed : .ok
    }

    /// - Returns: `nil` for a task that has none.
    private func texts(of task: TaskDescription, _ route: Route) throws -> [String]? {
        guard let examples else { return task.routing?.examples }
        var labels: Set<ExactText>?
        if case .label(let known) = task.output { labels = Set(known.map { ExactText($0.name) }) }
        let texts = try RoutingExamples.choose(from: examples.data, labels: labels)
        guard CatalogLimits.examples.contains(texts.count) else {
            throw RoutingExamplesError(
                "\(examples.data): only \(texts.count) usable texts; a head needs \(CatalogLimits.examples.lowerBound)")
        }
        return texts
    }

    /// Keeps the reference to the schema, which is no part of the catalog.
    private func write(_ capability: CapabilityDescription, to file: String) throws {
        let bytes = try SmallFile.read(file, limit: CatalogLimits.fileBytes)
        let schema = try JSONDocument.read(bytes) { $0["$schema"]?.string }
        try SmallFile.replace(file, with: CatalogFile.writeReadable(capability, schema: schema))
    }

    private static func row(_ route: Route, _ fit: RouteHeadFit) -> [Table.Cell] {
        [
            .text("\(route)"), .number("\(fit.head.examples)"), .number(CertifyReport.short(fit.recall)),
            .number("\(fit.falseAccepts)"), .number("\(fit.others)"), .number("\(fit.head.temperature)"),
            .number("\(fit.head.threshold)"),
        ]
    }
}

/// Chooses the examples of a route head from labelled texts.
enum RoutingExamples {
    /// Returns at most as many texts as a task may have, the same in every run. The labels take turns, so that rare
    /// ones are among them.
    /// - Parameter labels: the labels of the task. A line with another one is left out.
    /// - Throws: `SmallFileError`, `RoutingExamplesError`
    static func choose(from path: String, labels: Set<ExactText>?) throws -> [String] {
        var groups: [ExactText: [(hash: String, text: String)]] = [:]
        var seen: Set<ExactText> = []
        for (number, line) in InputFile.lines(of: try LabelledFile.contents(of: try InputFile.read(path), path)) {
            let row = try? JSONDocument.read(Array(line)) { ($0["text"]?.string, $0["label"]?.string) }
            guard let text = row?.0 else { throw RoutingExamplesError("\(path), line \(number): no “text”") }
            let label = ExactText(row?.1 ?? "")
            if let labels, row?.1 != nil, !labels.contains(label) { continue }
            // White space means nothing to the router, and an example is one line.
            let words = text.split { $0.isWhitespace || $0.unicodeScalars.allSatisfy { $0.value < 0x20 } }
            let example = words.joined(separator: " ")
            guard (1...CatalogLimits.exampleLength).contains(example.unicodeScalars.count),
                !example.utf8.contains(0x7F), seen.insert(ExactText(example)).inserted
            else { continue }
            groups[label, default: []].append((Array(example.utf8).withUnsafeBytes { SHA256.hex($0) }, example))
        }
        var queues = groups.values.map { $0.sorted { $0.hash < $1.hash }[...] }
            .sorted { ($0.first?.hash ?? "") < ($1.first?.hash ?? "") }
        var chosen: [String] = []
        while chosen.count < CatalogLimits.examples.upperBound, queues.contains(where: { !$0.isEmpty }) {
            for index in queues.indices where chosen.count < CatalogLimits.examples.upperBound {
                if let next = queues[index].popFirst() { chosen.append(next.text) }
            }
        }
        return chosen
    }
}

/// A file of examples was refused. It quotes no text.
struct RoutingExamplesError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
