import Contracts
import Delivery
import KafkaBus
import MessageBus
import PostgresStore
import Signing

/// Tells one instance to drain or to resume, and waits until it says that it has.
struct StandingOrder: Sendable {
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

    /// One that says that it drains has work in hand until it has no partition left.
    fileprivate func hasDone(_ action: Control.Action) -> Bool {
        switch action {
        case .drain: state == "draining" && partitions == 0
        case .resume: state == "running"
        }
    }
}
