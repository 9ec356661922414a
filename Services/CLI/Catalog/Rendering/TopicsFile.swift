import Contracts
import KafkaBus
import MessageBus

/// The text of `infra/kafka/topics.json`, whose entries are edited as text: JSON has no comments that could mark a part,
/// and an entry that stays keeps its partitions, its settings and its reason.
struct TopicsFile {
    private let head: [String]
    private var entries: [(name: String, lines: [String])]
    private let tail: [String]

    /// - Throws: `RenderingError` if the text is no topics file, or is not formatted like the repository's.
    init(_ text: String) throws(RenderingError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let catalog: TopicCatalog
        do {
            catalog = try TopicCatalog(json: Array(text.utf8))
        } catch {
            throw RenderingError(error.message)
        }
        let starts = lines.indices.filter { lines[$0] == "    {" }
        let ends = lines.indices.filter { ["    }", "    },"].contains(lines[$0]) }
        guard let first = starts.first, let last = ends.last, starts.count == catalog.entries.count,
            ends.count == starts.count, zip(starts, ends).allSatisfy(<)
        else {
            throw RenderingError("each topic must begin with the line “    {” and end with “    }” or “    },”")
        }
        head = Array(lines[..<first])
        tail = Array(lines[(last + 1)...])
        entries = zip(catalog.entries, zip(starts, ends)).map { entry, range in
            (entry.name, lines[range.0..<range.1] + ["    }"])
        }
    }

    /// Returns a file with an entry for the steps of each of the capabilities in each lane, and for no other's.
    /// - Throws: `RenderingError` if a lane has no such entry yet, which shows where they belong.
    func replacingSteps(of capabilities: [Capability]) throws(RenderingError) -> TopicsFile {
        var file = self
        for lane in Lane.allCases {
            guard let place = file.entries.firstIndex(where: { Self.isSteps($0.name, lane) }) else {
                throw RenderingError(
                    "there is no topic of steps in the lane “\(lane.rawValue)”, where the others belong")
            }
            let present = Dictionary(file.entries.map { ($0.name, $0.lines) }) { first, _ in first }
            let steps = capabilities.map { capability in
                let name = Topic.steps(capability, lane)
                return (name: name, lines: present[name] ?? Self.lines(of: .steps(of: capability, lane)))
            }
            let others = file.entries.filter { !Self.isSteps($0.name, lane) }
            file.entries = Array(others.prefix(place)) + steps + others.dropFirst(place)
        }
        return file
    }

    var text: String {
        let lines = entries.enumerated().flatMap { index, entry in
            index + 1 < entries.count ? entry.lines.dropLast() + ["    },"] : entry.lines
        }
        return (head + lines + tail).joined(separator: "\n")
    }

    private static func isSteps(_ topic: String, _ lane: Lane) -> Bool {
        // The names of all steps topics of a lane differ only in the capability.
        let parts = Topic.steps(Capability(rawValue: "/"), lane).split(separator: "/")
        return topic.hasPrefix(parts[0]) && topic.hasSuffix(parts[1])
    }

    private static func lines(of entry: TopicCatalog.Entry) -> [String] {
        let configuration = entry.configuration.sorted { $0.key < $1.key }.map { "\"\($0)\": \"\($1)\"" }
        return [
            "    {",
            "      \"name\": \"\(entry.name)\",",
            "      \"partitions\": \(entry.partitions),",
            "      \"replication\": \(entry.replication),",
            "      \"config\": {\(configuration.joined(separator: ", "))},",
            "      \"why\": \"\(entry.why)\"",
            "    }",
        ]
    }
}

extension TopicCatalog.Entry {
    /// The topic of a capability's steps, for a capability that the topics file does not have.
    static func steps(of capability: Capability, _ lane: Lane) -> Self {
        let steps = lane == .bulk ? "Steps of the bulk lane" : "Steps"
        return Self(
            name: Topic.steps(capability, lane), partitions: 6,
            configuration: ["cleanup.policy": "delete", "retention.ms": "259200000"],
            why: "\(steps) for the \(capability) worker. Kept for three days; older steps are re-driven from Postgres.")
    }
}
