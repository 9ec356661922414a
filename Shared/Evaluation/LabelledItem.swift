import Contracts
import Crypto
import JSON
import Settings

/// A line of a labelled file: `{"capability", "task", "text", "label"}`.
struct LabelledItem: Sendable {
    var route: Route
    var text: String
    /// `nil` only if labels are optional.
    var label: String?

    /// A machine request with this item alone.
    var request: Request {
        Request(eventID: "item", channel: .machine, steps: [RequestedStep(route: route, items: [text])])
    }
}

/// A file of labelled items: JSON Lines, plain or gzipped.
struct LabelledFile: Sendable {
    /// A row that no request can carry, because the suite would reject it.
    struct Rejection: Sendable {
        let line: Int
        let error: ContractError
    }

    let path: String
    /// The digest of the file's bytes.
    let sha256: String
    let items: [LabelledItem]
    let rejected: [Rejection]

    /// The last component of the path.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Reads the file once, so that it may be a pipe.
    /// - Parameter mayLackLabels: whether labels are optional.
    /// - Throws: `SmallFileError`; `LabelledFileError`, which names the line and never quotes it.
    init(_ path: String, mayLackLabels: Bool = false) throws {
        self.path = path
        let bytes = try InputFile.read(path)
        sha256 = bytes.withUnsafeBytes { SHA256.hex($0) }
        var items: [LabelledItem] = []
        var rejected: [Rejection] = []
        for (number, line) in InputFile.lines(of: try Self.contents(of: bytes, path)) {
            let item: LabelledItem
            do {
                item = try JSONDocument.read(line) { try LabelledItem(json: $0, mayLackLabels) }
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

    /// Reports the omitted rows.
    func complainOfRejected(_ verb: String) {
        for rejection in rejected.prefix(Self.mostComplaints) {
            Console.complain("winnow \(verb): \(path), line \(rejection.line) is omitted: \(rejection.error)")
        }
        if rejected.count > Self.mostComplaints {
            Console.complain("winnow \(verb): \(rejected.count - Self.mostComplaints) more lines are omitted")
        }
    }

    private static let mostComplaints = 10

    private static func contents(of bytes: [UInt8], _ path: String) throws(LabelledFileError) -> [UInt8] {
        guard Gzip.isGzip(bytes) else { return bytes }
        do {
            return try Gzip.inflated(bytes, limit: InputFile.limit)
        } catch {
            switch error {
            case .damaged: throw LabelledFileError("\(path) is damaged")
            case .tooLarge: throw LabelledFileError("\(path) contains more than \(InputFile.limit) bytes")
            }
        }
    }
}

extension LabelledItem {
    fileprivate init(json value: JSONValue, _ mayLackLabels: Bool) throws {
        let label = value["label"]
        guard let capability = value["capability"]?.string, let task = value["task"]?.string,
            let text = value["text"]?.string, label?.string != nil || mayLackLabels && label == nil
        else { throw LabelledFileError("capability, task, text and label must be strings") }
        let route = Route(Capability(rawValue: capability), task)
        guard Route.requestable.contains(route) else { throw LabelledFileError("no such capability/task") }
        self.init(route: route, text: text, label: label?.string)
    }
}

struct LabelledFileError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
