import Contracts
import Crypto
import MessageBus
import Settings
import Synchronization
import Telemetry

/// Signs the records that every process obeys, and checks which records may be obeyed.
///
/// Without a key, nothing is signed and every record is accepted. With a key, a record of `Topic.signed` is ignored and
/// counted unless all of these hold:
/// - it carries a signature of this key,
/// - on a topic where the newest record applies, it is not older than an accepted record with the same key, so that
///   nobody can replay an old one,
/// - on a topic whose records are valid only for a short time, its time differs from now by at most `window`.
public final class RecordSigning: Sendable {
    /// The maximum difference between the time of a control or heartbeat and now.
    public static let window = Duration.seconds(300)

    /// Topics where the newest record of each key applies.
    private static let ordered: Set = [Topic.controls, Topic.certificates]
    /// Topics whose records are valid only for a short time.
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
    private let loggedFaults = Mutex<Set<String>>([])

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
                        "Records ignored because their signature is missing or wrong, or because they are too old.",
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

    /// Signs nothing and accepts every record.
    public static var none: RecordSigning {
        RecordSigning(key: nil, logger: Logger(service: "", level: .error) { _ in }, metrics: Metrics())
    }

    /// Derives a secret number from the key, the same one in every process that has the key.
    /// - Returns: 0 if there is no key.
    public func secret(for purpose: String) -> UInt64 {
        guard let key else { return 0 }
        let digest = key.signature(topic: "", key: nil, value: Array(purpose.utf8), headers: [])
        return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// - Returns: a producer that signs the records of `Topic.signed`.
    public func signing(_ producer: any MessageProducer) -> any MessageProducer {
        key == nil ? producer : SigningProducer(producer, self)
    }

    /// Returns the record with a signature, if its topic needs one.
    func signed(_ record: OutgoingRecord) -> OutgoingRecord {
        guard let key, Topic.signed.contains(record.topic) else { return record }
        var record = record
        let signature = key.signature(
            topic: record.topic, key: record.key, value: record.value, headers: record.headers)
        record.headers.append(SignedHeaders.header(Hex.text(signature)))
        return record
    }

    /// Returns whether a record may be obeyed, and counts refused records.
    public func accepts(_ record: Record) -> Bool {
        guard let key, Topic.signed.contains(record.topic) else { return true }
        guard let fault = fault(of: record, key) else { return true }
        counters[fault]?.increment()
        // Logs once for each topic and reason, because an attacker may write many such records.
        if loggedFaults.withLock({ $0.insert("\(record.topic) \(fault)").inserted }) {
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

/// Signs the records that it sends.
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
