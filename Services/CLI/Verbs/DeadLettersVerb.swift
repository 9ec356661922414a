import Contracts
import KafkaBus
import MessageBus
import PostgresStore

/// Lists, shows, replays or discards dead letters.
struct DeadLettersVerb: Verb {
    static let name = "dead-letters"
    static let summary = "list the records that could not be processed; show, replay or discard them"
    static let flags: Set<String> = ["--json", "--all", "--payload"]
    static let help = """
        Usage: winnow dead-letters list [ID…] [--reason REASON] [--since TIME] [--until TIME] [--json]
               winnow dead-letters show ID [--payload] [--json]
               winnow dead-letters replay|discard ID…|--all|[--reason REASON] [--since TIME] [--until TIME] [--json]

        An ID is a place in winnow.dead-letters.v1, written partition-offset, for example 0-42. 'list' shows no payload
        and omits replayed and discarded records. 'replay' writes the original bytes to the original topic. A record
        that is replayed twice is answered once.

          --reason REASON  the error's type and code, for example ContractError.wrong_type
          --since TIME     only dead letters written at or after TIME (RFC 3339)
          --until TIME     only dead letters written before TIME (RFC 3339)
          --all            replay or discard every listed dead letter
          --payload        with 'show': also the payload

        Exits with 1 if an ID does not exist or cannot be replayed.
        """

    private enum Action: String { case list, show, replay, discard }

    private let action: Action
    private let selection: DeadLetterSelection
    private let withPayload: Bool
    private let isJSON: Bool

    init(_ arguments: inout Arguments) throws(UsageError) {
        let word = try arguments.operand("list, show, replay or discard")
        guard let action = Action(rawValue: word) else { throw UsageError("no such action: \(word)") }
        self.action = action
        selection = try DeadLetterSelection(&arguments)
        isJSON = arguments.flag("--json")
        switch action {
        case .list: withPayload = false
        case .show:
            withPayload = arguments.flag("--payload")
            guard selection.ids.count == 1 else { throw UsageError("'show' takes exactly one ID") }
        case .replay, .discard:
            withPayload = false
            guard arguments.flag("--all") == selection.isEverything else {
                throw UsageError("select dead letters, or give --all for every one")
            }
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let reader = try await DeadLetterReader(session, since: selection.since)
        switch action {
        case .list: return try await list(reader)
        case .show: return try await show(reader)
        case .replay: return try await replay(reader, session)
        case .discard: return try await discard(reader)
        }
    }

    private func list(_ reader: DeadLetterReader) async throws -> ExitStatus {
        var table = Table(columns: ["id", "at", "original_topic", "reason", "attempt", "request_id"], rows: [])
        var found: Set<DeadLetterRecord.ID> = []
        try await reader.read(selection, disposed: false) { letters in
            found.formUnion(letters.map(\.id))
            table.rows += letters.map { letter in
                [
                    .text("\(letter.id)"), .text(letter.record.timestamp.rfc3339),
                    .text(letter.originalTopic), .text(letter.reason),
                    letter.attempt.flatMap { Int($0) }.map { .number("\($0)") } ?? .none,
                    letter.requestID.map { .text($0) } ?? .none,
                ]
            }
        }
        Console.print(table, asJSON: isJSON)
        return complain(ofAllBut: found)
    }

    private func show(_ reader: DeadLetterReader) async throws -> ExitStatus {
        var found: Set<DeadLetterRecord.ID> = []
        try await reader.read(selection, disposed: true) { letters in
            for letter in letters {
                found.insert(letter.id)
                let report = DeadLetterReport(letter: letter, withPayload: withPayload)
                Console.print(isJSON ? report.json : report.text)
            }
        }
        return complain(ofAllBut: found)
    }

    /// The record is written and acknowledged before the replay is noted. After a crash in between it is replayed
    /// again, and a repeated record is harmless.
    private func replay(_ reader: DeadLetterReader, _ session: Session) async throws -> ExitStatus {
        let producer = try KafkaProducer(
            settings: try session.kafka(), logger: session.logger, metrics: session.metrics)
        var found: Set<DeadLetterRecord.ID> = []
        var left: [DeadLetterRecord] = []
        try await reader.read(selection, disposed: !selection.ids.isEmpty) { letters in
            found.formUnion(letters.map(\.id))
            let replayed = letters.filter { $0.replay != nil }
            left += letters.filter { $0.replay == nil }
            try await producer.send(replayed.compactMap(\.replay))
            try await reader.dispose(of: replayed, as: .replayed)
            printDone(replayed, "replayed")
        }
        await producer.close()
        for letter in left {
            Console.complain(
                "winnow dead-letters: \(letter.id) cannot be replayed: it holds only a reference to its record, or no"
                    + " service reads its topic")
        }
        return left.isEmpty ? complain(ofAllBut: found) : .failed
    }

    private func discard(_ reader: DeadLetterReader) async throws -> ExitStatus {
        var found: Set<DeadLetterRecord.ID> = []
        try await reader.read(selection, disposed: !selection.ids.isEmpty) { letters in
            found.formUnion(letters.map(\.id))
            try await reader.dispose(of: letters, as: .discarded)
            printDone(letters, "discarded")
        }
        return complain(ofAllBut: found)
    }

    private func printDone(_ letters: [DeadLetterRecord], _ what: String) {
        for letter in letters {
            Console.print(isJSON ? #"{"id":"\#(letter.id)","disposition":"\#(what)"}"# : "\(letter.id)  \(what)")
        }
    }

    private func complain(ofAllBut found: Set<DeadLetterRecord.ID>) -> ExitStatus {
        let missing = selection.ids.subtracting(found).map(\.description).sorted()
        for id in missing { Console.complain("winnow dead-letters: no such dead letter: \(id)") }
        return missing.isEmpty ? .ok : .failed
    }
}
