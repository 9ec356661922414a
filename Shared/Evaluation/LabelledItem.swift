import Contracts
import JSON
import Languages

/// A line of a labelled file: `{"capability", "task", "text", "label"}`.
public struct LabelledItem: Sendable {
    public let route: Route
    public let text: String
    /// `nil` only if labels are optional.
    public let label: String?

    /// A machine request with this item alone.
    var request: Request {
        Request(eventID: "item", channel: .machine, steps: [RequestedStep(route: route, items: [.text(text)])])
    }
}

extension [LabelledItem] {
    /// Returns the items that small models are asked about. The others are in a language that the models were not cut
    /// for, so their answers say nothing about the models.
    public func inLanguages(of catalog: Catalog) -> [LabelledItem] {
        filter { catalog.languageVerdicts(on: [$0.text], of: $0.route) == [.proceed] }
    }
}

/// The contents of a file of labelled items, one on each line.
public struct LabelledFile: Sendable {
    /// A row that no request can carry, because the suite would reject it.
    public struct Rejection: Sendable {
        public let line: Int
        public let error: ContractError
    }

    public let path: String
    /// The digest of the file's bytes.
    public let sha256: String
    public let items: [LabelledItem]
    public let rejected: [Rejection]

    /// The last component of the path.
    public var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// - Parameters:
    ///   - path: named in errors.
    ///   - lines: with their numbers, from 1.
    ///   - catalog: the tasks that a line may name.
    ///   - mayLackLabels: whether labels are optional.
    /// - Throws: `LabelledFileError`, which names the line and never quotes it.
    public init(
        path: String, sha256: String, lines: [(number: Int, bytes: ArraySlice<UInt8>)], catalog: Catalog,
        mayLackLabels: Bool = false
    ) throws(LabelledFileError) {
        (self.path, self.sha256) = (path, sha256)
        var items: [LabelledItem] = []
        var rejected: [Rejection] = []
        for (number, line) in lines {
            let item: LabelledItem
            do {
                item = try JSONDocument.read(line) { try LabelledItem(json: $0, catalog, mayLackLabels) }
            } catch {
                throw LabelledFileError("\(path), line \(number): \(error)")
            }
            do throws(ContractError) {
                try item.request.validate()
                let size = item.request.encode().count
                guard size <= Limits.requestBytes else {
                    throw ContractError(.tooLarge, "the request has \(size) bytes; at most \(Limits.requestBytes)")
                }
                items.append(item)
            } catch {
                rejected.append(Rejection(line: number, error: error))
            }
        }
        guard !items.isEmpty else { throw LabelledFileError("\(path) contains no items that a request can carry") }
        (self.items, self.rejected) = (items, rejected)
    }
}

extension LabelledItem {
    fileprivate init(json value: JSONValue, _ catalog: Catalog, _ mayLackLabels: Bool) throws {
        let label = value["label"]
        guard let capability = value["capability"]?.string, let task = value["task"]?.string,
            let text = value["text"]?.string, label?.string != nil || mayLackLabels && label == nil
        else { throw LabelledFileError("capability, task, text and label must be strings") }
        let route = Route(Capability(rawValue: capability), task)
        guard catalog[route] != nil else { throw LabelledFileError("no such capability/task") }
        self.init(route: route, text: text, label: label?.string)
    }
}

public struct LabelledFileError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
