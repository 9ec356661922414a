import JSON
import MessageBus
import Settings

/// The topics that Winnow needs, as `infra/kafka/topics.json` has them.
public struct TopicCatalog: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let name: String
        public let partitions: Int
        /// - Default: -1, the cluster's own.
        public let replication: Int
        /// Kafka's topic configuration, such as `retention.ms`.
        public let configuration: [String: String]
        public let why: String

        public init(
            name: String, partitions: Int, replication: Int = -1, configuration: [String: String] = [:],
            why: String = ""
        ) {
            self.name = name
            self.partitions = partitions
            self.replication = replication
            self.configuration = configuration
            self.why = why
        }
    }

    public let entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    /// - Throws: `MessageBusError.configuration`.
    public init(contentsOf path: String) throws(MessageBusError) {
        guard let json = try? SmallFile.read(path) else {
            throw MessageBusError(.configuration, "no topics file can be read at \(path)", isRetriable: false)
        }
        try self.init(json: json)
    }

    /// - Throws: `MessageBusError.configuration`.
    public init(json: [UInt8]) throws(MessageBusError) {
        do {
            entries = try JSONDocument.read(json) { try $0["topics"]?.map(Self.entry) } ?? []
        } catch {
            throw MessageBusError(.configuration, "topics file: \(error)", isRetriable: false)
        }
        guard !entries.isEmpty else {
            throw MessageBusError(.configuration, "topics file: names no topics", isRetriable: false)
        }
        guard Set(entries.map(\.name)).count == entries.count else {
            throw MessageBusError(.configuration, "topics file: names a topic twice", isRetriable: false)
        }
    }

    private static func entry(_ value: JSONValue) throws -> Entry {
        guard let name = value["name"]?.string, isValid(name) else {
            throw JSONError("a topic's name must be letters, digits, '.' and '-', at most 249 of them")
        }
        guard let partitions = value["partitions"]?.integer, (1...1000).contains(partitions) else {
            throw JSONError("\(name): partitions must be from 1 to 1000")
        }
        var configuration: [String: String] = [:]
        value["config"]?.forEachMember { configuration[$0] = $1.string }
        return Entry(
            name: name, partitions: partitions, replication: value["replication"]?.integer ?? -1,
            configuration: configuration, why: value["why"]?.string ?? "")
    }

    /// No `_`: Kafka's metric names have it for `.`, so two topics could become one there.
    private static func isValid(_ name: String) -> Bool {
        (1...249).contains(name.utf8.count)
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") }
    }
}
