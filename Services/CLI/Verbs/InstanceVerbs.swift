import Contracts
import KafkaBus
import MessageBus
import Planning
import PostgresStore
import Signing

/// Lists the processes of the suite and their states.
struct InstancesVerb: Verb {
    static let name = "instances"
    static let summary = "list the processes of the suite, and which of them are lost"
    static let flags: Set<String> = ["--json", "--all"]
    static let help = """
        Usage: winnow instances [--all] [--json]

        The state is running, draining (see 'winnow drain') or lost: three heartbeats are missing. 'partitions' is the
        number of assigned partitions, 'beat_age_seconds' the age of the last heartbeat. After a day without heartbeats
        an instance is no longer listed.

          --all  also list stopped instances
        """

    private let withStopped: Bool
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        withStopped = arguments.flag("--all")
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let instances = Table(try await OperationsReader(session.postgres()).instances(stopped: withStopped))
        Console.print(instances, asJSON: isJSON)
        return .ok
    }
}

/// Makes one process hand over its work to the others.
struct DrainVerb: Verb {
    static let name = "drain"
    static let summary = "make a process hand over its work to the others of its service"
    static let help = """
        Usage: winnow drain ID [--timeout SECONDS] [--json]

        ID is an instance from 'winnow instances'. The instance finishes and commits its current batch, gives its
        partitions to the others, is no longer ready, and keeps running until it is stopped or resumed. After a restart
        it takes part again.

          --timeout SECONDS  how long to wait until it has no partition left (default 15)

        Exits with 1 if there is no such instance, if it is not alive, or if it has not finished in time.
        """

    private let command: InstanceCommand

    init(_ arguments: inout Arguments) throws(UsageError) {
        command = try InstanceCommand(.drain, &arguments)
    }

    func run(_ session: Session) async throws -> ExitStatus { try await command.run(session) }
}

/// Makes a drained process take part again.
struct ResumeVerb: Verb {
    static let name = "resume"
    static let summary = "make a drained process take part again"
    static let help = """
        Usage: winnow resume ID [--timeout SECONDS] [--json]

        ID is an instance from 'winnow instances'. The instance joins its group again, gets partitions within one
        rebalance, and is ready again.

          --timeout SECONDS  how long to wait until it reports that it runs (default 15)

        Exits with 1 if there is no such instance, if it is not alive, or if it has not reported in time.
        """

    private let command: InstanceCommand

    init(_ arguments: inout Arguments) throws(UsageError) {
        command = try InstanceCommand(.resume, &arguments)
    }

    func run(_ session: Session) async throws -> ExitStatus { try await command.run(session) }
}

/// Tells one instance to drain or to resume, and waits until the instance reports that it has.
struct InstanceCommand: Sendable {
    private let id: String
    private let action: Control.Action
    private let timeout: Int
    private let isJSON: Bool

    init(_ action: Control.Action, _ arguments: inout Arguments) throws(UsageError) {
        self.action = action
        id = try arguments.operand("ID")
        timeout = try arguments.integer("--timeout", default: 15, in: 1...3600)
        isJSON = arguments.flag("--json")
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let reader = OperationsReader(try session.postgres())
        guard let instance = Instance.ID(id), var found = try await reader.find(instance) else {
            return complain("no such instance: \(id)")
        }
        guard found.isAlive else { return complain("the instance is \(found.state)") }
        try await send(to: instance, session)
        let deadline = ContinuousClock.now + .seconds(timeout)
        while !found.hasDone(action), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(100))
            found = try await reader.find(instance) ?? found
        }
        let table = Table(
            columns: ["id", "service", "state", "partitions"],
            rows: [[.text(id), .text(found.service), .text(found.state), .number("\(found.partitions)")]])
        Console.print(table, asJSON: isJSON)
        guard found.hasDone(action) else {
            return complain("not within \(timeout) s: it is \(found.state) with \(found.partitions) partitions")
        }
        return .ok
    }

    private func send(to instance: Instance.ID, _ session: Session) async throws {
        let producer = try session.signing().signing(
            try KafkaProducer(settings: try session.kafka(), logger: session.logger, metrics: session.metrics))
        let time = Timestamp.now
        let event = CloudEvent(
            id: "\(instance)/\(action.rawValue)/\(time.milliseconds)", type: EventType.control,
            source: "/winnow/operator", time: time, data: Control(instance: instance, action: action).encode())
        try await producer.send([event.record(topic: Topic.controls, key: Array(instance.description.utf8))])
        await producer.close()
    }

    private func complain(_ what: String) -> ExitStatus {
        Console.complain("winnow \(action.rawValue): \(what)")
        return .failed
    }
}

extension FoundInstance {
    fileprivate var isAlive: Bool { state == "running" || state == "draining" }

    /// A draining instance has work in progress until it has no partition left.
    fileprivate func hasDone(_ action: Control.Action) -> Bool {
        switch action {
        case .drain: state == "draining" && partitions == 0
        case .resume: state == "running"
        }
    }
}
