import Contracts
import KafkaBus

/// Renders the parts of deployment files that follow from the catalog. The rest of each file is written by hand and
/// stays as it is.
struct CatalogRendering {
    enum Target: String, CaseIterable {
        case compose, environment, prometheus, kubernetes, topics, rights

        /// Where the repository has the file.
        var file: String {
            switch self {
            case .compose: "docker-compose.yml"
            case .environment: ".env.example"
            case .prometheus: "infra/prometheus/prometheus.yml"
            case .kubernetes: "infra/kubernetes/winnow.yaml"
            case .topics: "infra/kafka/topics.json"
            case .rights: "infra/kafka/rights.txt"
            }
        }
    }

    let capabilities: [Capability]
    /// The number of partitions of each topic. More replicas than partitions would have nothing to do.
    let partitions: [String: Int]

    init(_ catalog: Catalog, topics: TopicCatalog) {
        capabilities = catalog.capabilitiesWithWorkers
        partitions = Dictionary(topics.entries.map { ($0.name, $0.partitions) }) { first, _ in first }
    }

    /// Returns the whole new text of a file.
    /// - Throws: `RenderingError` if the present text lacks the place of a rendered part.
    func render(_ target: Target, in text: String) throws(RenderingError) -> String {
        switch target {
        case .compose:
            try MarkedParts.replace(
                ["passwords": capabilities.map(composePassword), "workers": composeWorkers()],
                in: text)
        case .environment: try MarkedParts.replace(["passwords": capabilities.map(password)], in: text)
        case .prometheus:
            try MarkedParts.replace(["workers": capabilities.map { "          - \($0.worker)" }], in: text)
        case .rights: try MarkedParts.replace(["workers": capabilities.flatMap(rights)], in: text)
        case .kubernetes: try MarkedParts.replace(["services": kubernetes()], in: text)
        case .topics: try TopicsFile(text).replacingSteps(of: capabilities).text
        }
    }

    private func password(of capability: Capability) -> String {
        "\(capability.passwordVariable)=change-me-\(capability.worker)"
    }

    private func composePassword(of capability: Capability) -> String {
        let name = capability.passwordVariable
        return "      \(name): ${\(name):?copy .env.example to .env}"
    }

    private func composeWorkers() -> [String] {
        Array(capabilities.map(composeWorker).joined(separator: [""]))
    }

    private func composeWorker(of capability: Capability) -> [String] {
        let (worker, password) = (capability.worker, capability.passwordVariable)
        return [
            "  \(worker):",
            "    <<: *worker",
            "    command: [\"capability-worker\"]",
            "    environment:",
            "      <<: *kafka-environment",
            "      WINNOW_CAPABILITY: \(capability)",
            "      OTEL_SERVICE_NAME: \(worker)",
            "      KAFKA_CONF_SASL_USERNAME: \(worker)",
            "      KAFKA_CONF_SASL_PASSWORD: ${\(password):?copy .env.example to .env}",
        ]
    }

    private func rights(of capability: Capability) -> [String] {
        let read =
            Lane.allCases.map { Topic.steps(capability, $0) }
            + [Topic.cancellations, Topic.catalog, Topic.certificates, Topic.controls]
        let write =
            Lane.allCases.map(Topic.outcomes) + Lane.allCases.map(Topic.escalations)
            + [Topic.shadows, Topic.retries, Topic.deadLetters, Topic.heartbeats]
        let groups = Lane.allCases.map { ConsumerGroup.name(of: $0.loop(of: capability.worker)) } + ["winnow.reader"]
        return
            (read.map { "Read topic literal \($0)" } + write.map { "Write topic literal \($0)" }
            + groups.map { "Read group literal \($0)" }).map { "\(capability.worker) \($0)" }
    }
}

/// The place of a rendered part was not found.
struct RenderingError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension Capability {
    /// The name of the service, which is also its principal in Kafka.
    var worker: String { "\(rawValue)-worker" }

    fileprivate var passwordVariable: String {
        "\(worker.uppercased().replacing("-", with: "_"))_KAFKA_PASSWORD"
    }
}

/// The rendered parts of a file, each between two comments.
enum MarkedParts {
    /// Replaces each part's lines. The comments stay, and so do all other lines.
    /// - Throws: `RenderingError` unless the comments of each part stand once and in order.
    static func replace(_ parts: [String: [String]], in text: String) throws(RenderingError) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
            let begin = try place(of: "begin", name, in: lines), end = try place(of: "end", name, in: lines)
            guard begin < end else { throw RenderingError("the part “\(name)” ends before it begins") }
            lines.replaceSubrange(begin + 1..<end, with: part)
        }
        return lines.joined(separator: "\n")
    }

    private static func place(of border: String, _ name: String, in lines: [String]) throws(RenderingError) -> Int {
        let comment = "# winnow catalog render: \(border) \(name)"
        let places = lines.indices.filter { lines[$0].drop { $0 == " " } == comment }
        guard places.count == 1, let place = places.first else {
            throw RenderingError("the line “\(comment)” must be there once, and is there \(places.count) times")
        }
        return place
    }
}
