import Contracts
import KafkaBus
import MessageBus
import PostgresStore

/// Lists what could not be worked on, shows one, replays or discards some.
struct DeadLettersVerb: Verb {
    static let name = "dead-letters"
    static let summary = "list what could not be worked on; show, replay or discard it"
    static let flags: Set<String> = ["--json", "--all", "--payload"]
    static let help = """
        Usage: winnow dead-letters list [ID…] [--reason REASON] [--since TIME] [--until TIME] [--json]
               winnow dead-letters show ID [--payload] [--json]
               winnow dead-letters replay|discard ID…|--all|[--reason REASON] [--since TIME] [--until TIME] [--json]

        An ID is the place in winnow.dead-letters.v1, written partition-offset, as in 0-42. 'list' shows no payload and
        leaves out what was replayed or discarded. 'replay' writes the original bytes to the original topic; a record
        that comes twice is answered once.

          --reason REASON  the error's type and code, as in ContractError.wrong_type
          --since TIME     put away at or after (RFC 3339)
          --until TIME     put away before (RFC 3339)
          --all            replay or discard everything that is listed
          --payload        with 'show': the payload too

        Ends with 1 when an ID is not there, or cannot be replayed.
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
            guard selection.ids.count == 1 else { throw UsageError("one ID, please") }
        case .replay, .discard:
            withPayload = false
            guard arguments.flag("--all") == selection.isEverything else {
                throw UsageError("say which, or --all for everything")
            }
        }
    }

    func run(_ session: Session) async throws -> ExitStatus {
        let letterbox = try await DeadLetterReader(session, since: selection.since)
        switch action {
        case .list: return try await list(letterbox)
        case .show: return try await show(letterbox)
        case .replay: return try await replay(letterbox, session)
        case .discard: return try await discard(letterbox)
        }
    }

    private func list(_ letterbox: DeadLetterReader) async throws -> ExitStatus {
        var table = Table(columns: ["id", "at", "original_topic", "reason", "attempt", "request_id"], rows: [])
        var found: Set<DeadLetterRecord.ID> = []
        try await letterbox.read(selection, disposed: false) { letters in
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

    private func show(_ letterbox: DeadLetterReader) async throws -> ExitStatus {
        var found: Set<DeadLetterRecord.ID> = []
        try await letterbox.read(selection, disposed: true) { letters in
            for letter in letters {
                found.insert(letter.id)
                let report = DeadLetterReport(letter: letter, withPayload: withPayload)
                Console.print(isJSON ? report.json : report.text)
            }
        }
        return complain(ofAllBut: found)
    }

    /// Written and acknowledged first, noted second: after a crash in between it is replayed again, which harms nobody.
    private func replay(_ letterbox: DeadLetterReader, _ session: Session) async throws -> ExitStatus {
        let producer = try KafkaProducer(
            settings: try session.kafka(), logger: session.logger, metrics: session.metrics)
        var found: Set<DeadLetterRecord.ID> = []
        var left: [DeadLetterRecord] = []
        try await letterbox.read(selection, disposed: !selection.ids.isEmpty) { letters in
            found.formUnion(letters.map(\.id))
            let replayed = letters.filter { $0.replay != nil }
            left += letters.filter { $0.replay == nil }
            try await producer.send(replayed.compactMap(\.replay))
            try await letterbox.dispose(of: replayed, as: .replayed)
            printDone(replayed, "replayed")
        }
        await producer.close()
        for letter in left {
            Console.complain(
                "winnow dead-letters: \(letter.id) cannot be replayed: only where it lies was put away, or its topic is"
                    + " none that is worked on")
        }
        return left.isEmpty ? complain(ofAllBut: found) : .failed
    }

    private func discard(_ letterbox: DeadLetterReader) async throws -> ExitStatus {
        var found: Set<DeadLetterRecord.ID> = []
        try await letterbox.read(selection, disposed: !selection.ids.isEmpty) { letters in
            found.formUnion(letters.map(\.id))
            try await letterbox.dispose(of: letters, as: .discarded)
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
