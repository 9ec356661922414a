import Contracts
import Crypto
import MessageBus
import Settings
import Synchronization
import Telemetry

/// Signs what every process obeys, and tells which records may be obeyed.
///
/// Where no key is set, nothing is signed and every record is accepted. Where one is set, a record of `Topic.signed` is
/// ignored and counted unless
/// - it carries a signature of this key,
/// - and, on a topic whose newest word counts, it is not older than a word accepted before for the same key, so that nobody
///   can repeat an old one,
/// - and, on a topic of the moment, it is at most `window` old.
public final class RecordSigning: Sendable {
    /// How much the time of a control or a heartbeat may differ from now.
    public static let window = Duration.seconds(300)

    /// Whose newest word counts, key by key.
    private static let ordered: Set = [Topic.controls, Topic.certificates]
    /// Whose words are of the moment.
    private static let momentary: Set = [Topic.controls, Topic.heartbeats]

    private struct Place: Hashable {
        var topic: String
        var key: [UInt8]?
    }

    private enum Fault: String, CaseIterable {
        case unsigned, forged, old
    }

    private let key: SigningKey?
    private let logger: Logger
    private let counters: [Fault: Counter]
    private let now: @Sendable () -> Timestamp
    private let newest = Mutex<[Place: Timestamp]>([:])
    private let complained = Mutex<Set<String>>([])

    public init(
        key: SigningKey?, logger: Logger, metrics: Metrics, now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.key = key
        self.logger = logger
        self.now = now
        counters = Dictionary(
            uniqueKeysWithValues: Fault.allCases.map { fault in
                (
                    fault,
                    metrics.counter(
                        "winnow_unsigned_records_total",
                        "Records that were ignored: without a signature, with a wrong one, or older than may be.",
                        [("reason", fault.rawValue)])
                )
            })
    }

    /// - Throws: `SettingsError`
    public convenience init(
        _ settings: inout SettingsReader, logger: Logger, metrics: Metrics
    ) throws(SettingsError) {
        self.init(key: try SigningKey.read(&settings), logger: logger, metrics: metrics)
    }

    /// Neither signs nor checks.
    public static var none: RecordSigning {
        RecordSigning(key: nil, logger: Logger(service: "", level: .error) { _ in }, metrics: Metrics())
    }

    /// A number that only those know who have the key; the same in all processes.
    /// - Returns: 0 where there is no key.
    public func secret(for purpose: String) -> UInt64 {
        guard let key else { return 0 }
        let digest = key.signature(topic: "", key: nil, value: Array(purpose.utf8), headers: [])
        return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// - Returns: a producer that signs the records of `Topic.signed`.
    public func signing(_ producer: any MessageProducer) -> any MessageProducer {
        key == nil ? producer : SigningProducer(producer, self)
    }

    /// The record with its signature, where its topic asks for one.
    func signed(_ record: OutgoingRecord) -> OutgoingRecord {
        guard let key, Topic.signed.contains(record.topic) else { return record }
        var record = record
        let signature = key.signature(
            topic: record.topic, key: record.key, value: record.value, headers: record.headers)
        record.headers.append(SignedHeaders.header(Hex.text(signature)))
        return record
    }

    /// Whether a record may be obeyed. Counts it where not.
    public func accepts(_ record: Record) -> Bool {
        guard let key, Topic.signed.contains(record.topic) else { return true }
        guard let fault = fault(of: record, key) else { return true }
        counters[fault]?.increment()
        // Once for each topic and reason: whoever writes such records may write many.
        if complained.withLock({ $0.insert("\(record.topic) \(fault)").inserted }) {
            logger.warning(
                "Record ignored: its signature is missing, wrong or too old",
                metadata: [LogKeys.destination: record.topic, LogKeys.reason: fault.rawValue])
        }
        return false
    }

    private func fault(of record: Record, _ key: SigningKey) -> Fault? {
        guard let given = SignedHeaders.signature(of: record) else { return .unsigned }
        let own = key.signature(topic: record.topic, key: record.key, value: record.value, headers: record.headers)
        guard HMAC.areEqual(Array(given.utf8), Array(Hex.text(own).utf8)) else { return .forged }
        let isOrdered = Self.ordered.contains(record.topic), isMomentary = Self.momentary.contains(record.topic)
        guard isOrdered || isMomentary else { return nil }
        guard let time = (try? CloudEvent(record))?.time else { return .old }
        if isMomentary {
            let window = Self.window / .milliseconds(1)
            guard abs(Double(now().milliseconds - time.milliseconds)) <= window else { return .old }
        }
        guard isOrdered else { return nil }
        return newest.withLock { newest in
            let place = Place(topic: record.topic, key: record.key)
            if let known = newest[place], time < known { return .old }
            newest[place] = time
            return nil
        }
    }
}

/// Signs what goes through it.
private struct SigningProducer: MessageProducer {
    private let producer: any MessageProducer
    private let signing: RecordSigning

    init(_ producer: any MessageProducer, _ signing: RecordSigning) {
        self.producer = producer
        self.signing = signing
    }

    func send(_ records: [OutgoingRecord]) async throws { try await producer.send(records.map(signing.signed)) }

    func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws {
        try await producer.send(records.map(signing.signed), onWait: onWait)
    }

    func close() async { await producer.close() }
}
