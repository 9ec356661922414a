import Contracts
import JSON
import KafkaBus
import MessageBus
import PostgresStore

/// Reads the dead-letter topic from its first record to the last record at the time of the start.
struct DeadLetterReader {
    private let reader: KafkaReader
    private let register: DeadLetterRegister
    /// Reading a month of dead letters may take long, but a broker without a record for this time counts as
    /// unavailable.
    private static let silence = Duration.seconds(30)

    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session, since: Timestamp?) async throws {
        reader = try await KafkaReader(
            settings: try session.kafka(), topic: Topic.deadLetters, from: since.map { .time($0) } ?? .beginning,
            logger: session.logger, metrics: session.metrics)
        register = DeadLetterRegister(try session.postgres())
    }

    /// Passes the selected dead letters to `body` batch by batch, so that only one batch is in memory.
    /// - Parameter disposed: whether replayed and discarded dead letters are included.
    /// - Throws: `MessageBusError`, `StoreError`, and errors of `body`.
    func read(
        _ selection: DeadLetterSelection, disposed: Bool, _ body: ([DeadLetterRecord]) async throws -> Void
    ) async throws {
        defer { reader.stop() }
        var open = reader.backlog
        var lastHeard = ContinuousClock.now
        while !open.isEmpty {
            guard let batch = try await reader.nextBatch(within: .seconds(1)) else { return }
            guard !batch.isEmpty || ContinuousClock.now - lastHeard < Self.silence else {
                throw MessageBusError(.timedOut, "read the dead letters", isRetriable: true)
            }
            if !batch.isEmpty { lastHeard = .now }
            var letters: [DeadLetterRecord] = []
            for record in batch {
                let partition = TopicPartition(topic: record.topic, partition: record.partition)
                guard let end = open[partition] else { continue }
                if record.offset + 1 >= end { open[partition] = nil }
                let letter = DeadLetterRecord(record)
                if record.offset < end, selection.contains(letter) { letters.append(letter) }
            }
            if !disposed {
                let gone = try await register.disposed(of: letters.map(\.place))
                letters.removeAll { gone.contains($0.place) }
            }
            if !letters.isEmpty { try await body(letters) }
        }
    }

    func dispose(of letters: [DeadLetterRecord], as disposition: DeadLetterRegister.Disposition) async throws {
        try await register.dispose(of: letters.map(\.place), as: disposition)
    }
}

/// A dead letter with its reason and its origin.
struct DeadLetterRecord: Sendable {
    /// The place in the dead-letter topic, written `partition-offset`.
    struct ID: Hashable, Sendable, CustomStringConvertible {
        let partition: Int32
        let offset: Int64

        init(partition: Int32, offset: Int64) { (self.partition, self.offset) = (partition, offset) }

        /// - Returns: `nil` unless `text` has the form `partition-offset`.
        init?(_ text: String) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let partition = Int32(parts[0]), let offset = Int64(parts[1]) else { return nil }
            self.init(partition: partition, offset: offset)
            guard description == text else { return nil }
        }

        var description: String { "\(partition)-\(offset)" }
    }

    let record: Record

    init(_ record: Record) { self.record = record }

    var id: ID { ID(partition: record.partition, offset: record.offset) }
    var reason: String { DeadLetter.reason(of: record) ?? "" }
    var originalTopic: String { DeadLetter.originalTopic(of: record) ?? "" }
    var attempt: String? { DeadLetter.attempt(of: record) }
    var requestID: String? { DeadLetter.requestID(of: record) }

    var place: DeadLetterRegister.Place {
        .init(
            topic: record.topic, partition: record.partition, offset: record.offset, writtenAt: record.timestamp)
    }

    /// The record to write to its original topic.
    /// - Returns: `nil` if the dead letter holds only a reference, or if no service reads the topic.
    var replay: OutgoingRecord? {
        guard !DeadLetter.isReference(record), Topic.isProcessed(originalTopic) else { return nil }
        return DeadLetter.replay(record)
    }
}

/// Selects dead letters.
struct DeadLetterSelection: Sendable {
    let ids: Set<DeadLetterRecord.ID>
    let reason: String?
    let since: Timestamp?
    let until: Timestamp?

    /// - Throws: `UsageError` for an invalid id or time.
    init(_ arguments: inout Arguments) throws(UsageError) {
        reason = arguments.value("--reason")
        since = try arguments.time("--since")
        until = try arguments.time("--until")
        var ids: Set<DeadLetterRecord.ID> = []
        for word in arguments.rest() {
            guard let id = DeadLetterRecord.ID(word) else { throw UsageError("not the id of a dead letter: \(word)") }
            ids.insert(id)
        }
        self.ids = ids
    }

    /// Selects every dead letter since a time.
    init(since: Timestamp) {
        (ids, reason, until) = ([], nil, nil)
        self.since = since
    }

    /// Whether the selection has no condition and includes every dead letter.
    var isEverything: Bool { ids.isEmpty && reason == nil && since == nil && until == nil }

    func contains(_ letter: DeadLetterRecord) -> Bool {
        let time = letter.record.timestamp
        return (ids.isEmpty || ids.contains(letter.id)) && (reason.map { $0 == letter.reason } ?? true)
            && (since.map { time >= $0 } ?? true) && (until.map { time < $0 } ?? true)
    }
}

/// The number of open dead letters of the last day, by reason and topic. Replayed and discarded ones do not count.
struct DeadLetterCount {
    private(set) var counts: [String: Int] = [:]
    /// Whether there are more than were counted.
    private(set) var isPartial = false

    private static let period: Int64 = 86_400_000
    /// Counting stops here. Nobody inspects more dead letters one by one.
    private static let most = 10_000

    private struct Enough: Error {}

    init() {}

    /// - Throws: `SettingsError`, `MessageBusError`, `StoreError`
    init(_ session: Session) async throws {
        let since = Timestamp.now.adding(milliseconds: -Self.period)
        let reader = try await DeadLetterReader(session, since: since)
        do {
            try await reader.read(DeadLetterSelection(since: since), disposed: false) { letters in
                for letter in letters { add(letter) }
                if total >= Self.most { throw Enough() }
            }
        } catch is Enough {
            isPartial = true
        }
    }

    var total: Int { counts.values.reduce(0, +) }

    mutating func add(_ letter: DeadLetterRecord) {
        counts["\(letter.reason) from \(letter.originalTopic)", default: 0] += 1
    }

    /// The counts as text, the most frequent first.
    var text: String {
        guard !counts.isEmpty else { return "none in the last day" }
        let order = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let named = order.prefix(3).map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        return "\(isPartial ? "more than " : "")\(total) in the last day: \(named)\(order.count > 3 ? ", …" : "")"
    }
}

/// One dead letter with all its headers. The payload is included only on request.
struct DeadLetterReport {
    let letter: DeadLetterRecord
    let withPayload: Bool

    var text: String {
        var rows: [(String, String)] = [
            ("id", "\(letter.id)"), ("at", letter.record.timestamp.rfc3339),
            ("key", size(of: letter.record.key)), ("value", size(of: letter.record.value)),
        ]
        rows += letter.record.headers.map { ("header \($0.name)", $0.value.map(shown) ?? "null") }
        if withPayload { rows.append(("payload", letter.record.value.map(shown) ?? "null")) }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "\($0.visible.padded(to: width))  \($1)" }.joined(separator: "\n")
    }

    /// A missing key or value is `null`. Bytes that are not UTF-8 are described by their size only.
    var json: String {
        var writer = JSONWriter()
        writer.object { body in
            body.member("id", "\(letter.id)")
            body.member("at", letter.record.timestamp.rfc3339)
            if let key = letter.record.key { body.member("keyBytes", key.count) }
            if let value = letter.record.value { body.member("valueBytes", value.count) }
            body.name("headers")
            body.array(letter.record.headers) { writer, header in
                writer.object { body in
                    body.member("name", header.name)
                    if let value = header.value { body.member("bytes", value.count) }
                    body.member("value", header.value.flatMap { String(validating: $0, as: UTF8.self) })
                }
            }
            if withPayload {
                body.member("payload", letter.record.value.flatMap { String(validating: $0, as: UTF8.self) })
            }
        }
        return writer.text
    }

    private func size(of bytes: [UInt8]?) -> String { bytes.map { "\($0.count) bytes" } ?? "null" }

    private func shown(_ bytes: [UInt8]) -> String {
        String(validating: bytes, as: UTF8.self)?.visible ?? "\(bytes.count) bytes that are not UTF-8"
    }
}
