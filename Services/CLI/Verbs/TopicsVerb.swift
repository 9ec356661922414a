import KafkaBus

/// Creates the topics of `infra/kafka/topics.json` on a cluster that does not create them by itself.
struct TopicsVerb: Verb {
    static let name = "topics"
    static let summary = "create the topics on a Kafka cluster"
    static let flags: Set<String> = []
    static let help = """
        Usage: winnow topics create

        Creates what WINNOW_TOPICS_FILE (default infra/kafka/topics.json) names and the cluster lacks. What is there
        already is left alone; another number of partitions is reported and ends with 1.
        """

    init(_ arguments: inout Arguments) throws(UsageError) {
        let action = try arguments.operand("create")
        guard action == "create" else { throw UsageError("no such action: \(action)") }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let catalog = try TopicCatalog(contentsOf: session.topicsFile)
        let admin = try KafkaAdmin(settings: try session.kafka(), logger: session.logger)
        var status = ExitStatus.ok
        for report in try await admin.create(catalog) {
            switch report.outcome {
            case .created: Console.print("\(report.name)  created")
            case .existing: Console.print("\(report.name)  is there")
            case .mismatched(let partitions):
                Console.print("\(report.name)  is there with another number of partitions: \(partitions)")
                status = .failed
            }
        }
        return status
    }
}
