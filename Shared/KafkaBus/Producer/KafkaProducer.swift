import CRDKafka
import Contracts
import Lifecycle
import MessageBus
import Synchronization
import Telemetry

/// An idempotent producer. `send` enqueues on the caller's thread and never blocks it. A separate thread receives
/// delivery reports and sleeps while there are none.
public final class KafkaProducer: MessageProducer {
    private let handle: KafkaHandle
    private let topics: TopicHandles
    private let maxRecordBytes: Int
    private let settings: KafkaSettings
    private let limit: UnreadLimit
    /// Created with the first topic if the broker is the embedded broker, otherwise never.
    private let window = Mutex<UnreadWindow?>(nil)
    private let knowsBroker = Atomic(false)
    private let logger: Logger
    private let metrics: Metrics
    private let thread = ThreadExecutor()
    private let isClosed = Atomic(false)
    private let queueWaiters = Mutex<[CheckedContinuation<Void, Never>]>([])
    /// The number of calls that wait for the thread. A poll ends early for them.
    private let waiting = Atomic(0)
    private let sent: Counter
    private let failed: Counter
    private let duration: Histogram

    /// - Parameter limit: the limit of unread records on the embedded broker. It has no effect on other clusters.
    /// - Throws: `MessageBusError.configuration`.
    public init(
        settings: KafkaSettings, limit: UnreadLimit = .service, logger: Logger, metrics: Metrics
    ) throws(MessageBusError) {
        self.settings = settings
        self.limit = limit
        self.logger = logger
        self.metrics = metrics
        let properties = Properties.producer(settings, clientID: logger.service)
        handle = try KafkaHandle(
            .producer, properties, events: ClientEvents(client: "producer", logger: logger, metrics: metrics))
        topics = TopicHandles(handle)
        maxRecordBytes = properties["message.max.bytes"].flatMap { Int($0) } ?? 1_000_000
        sent = metrics.counter("winnow_kafka_sent_records_total", "Records that were acknowledged.")
        failed = metrics.counter("winnow_kafka_failed_sends_total", "Sends with a record that was not acknowledged.")
        duration = metrics.histogram("winnow_kafka_send_duration_seconds", "Time from send to last acknowledgement.")
        thread.submit { [weak self] in self?.serve() }
    }

    deinit { thread.stop() }

    /// - Throws: `.tooLarge` or `.unknownTopic` before anything is written; otherwise see `MessageProducer.send`.
    public func send(_ records: [OutgoingRecord]) async throws { try await send(records) {} }

    /// - Throws: see `send(_:)`.
    public func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws {
        guard !records.isEmpty else { return }
        guard !isClosed.load(ordering: .acquiring) else {
            throw MessageBusError(.fatal, "the producer is closed", isRetriable: false)
        }
        if let fatal = handle.events.fatal { throw fatal }
        if let large = records.first(where: { $0.wireSize > maxRecordBytes }) {
            throw MessageBusError(
                .tooLarge, "a record for \(large.topic) has \(large.wireSize) bytes; the limit is \(maxRecordBytes)",
                isRetriable: false)
        }
        try await open(records)
        let start = ContinuousClock.now
        do {
            if let window = window.withLock(\.self) {
                try await write(records, window, onWait)
            } else {
                try await write(records)
            }
            sent.increment(by: records.count)
        } catch {
            failed.increment()
            throw error
        }
        duration.observe(start.duration(to: .now))
    }

    public func close() async {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // Callers wait for their own records, so records remain only if a caller was cancelled.
        _ = try? await onThread { [handle] in handle.withPointer { rd_kafka_flush($0, 30_000) } }
    }

    /// Looks a topic up before its first record. Otherwise librdkafka would create it, or wait 30 s for it to appear.
    private func open(_ records: [OutgoingRecord]) async throws {
        guard let missing = records.first(where: { topics[$0.topic] == nil }) else { return }
        try await onThread { [self] in
            var existing = try topics.existing()
            lookAtBroker()
            for topic in Set(records.map(\.topic)) where topics[topic] == nil {
                // The embedded broker creates a topic that is requested by name. After a restart it has no topics of
                // single tenants.
                if existing[topic] == nil, Topic.isOwn(topic), try topics.exists(topic) {
                    existing = try topics.existing()
                }
                guard let partitions = existing[topic] else {
                    throw MessageBusError(.unknownTopic, "\(topic) does not exist", isRetriable: true)
                }
                window.withLock(\.self)?.watch(topic, partitions: partitions)
                try topics.open(topic)
            }
        }
        assert(topics[missing.topic] != nil)
    }

    /// Finds out from the cluster id whether this is the embedded broker. Must be called after metadata has arrived,
    /// which contains the id.
    private func lookAtBroker() {
        guard !knowsBroker.load(ordering: .acquiring) else { return }
        if (try? handle.isEmbeddedBroker(timeout: 1_000)) == true {
            window.withLock { $0 = UnreadWindow(limit, settings: settings, logger: logger, metrics: metrics) }
        }
        knowsBroker.store(true, ordering: .releasing)
    }

    /// Writes as many records at once as the window admits, which is usually all of them.
    private func write(_ records: [OutgoingRecord], _ window: UnreadWindow, _ onWait: () async -> Void) async throws {
        var rest = records[...]
        while let first = rest.first {
            let portion = rest.prefix(window.admit(rest))
            guard !portion.isEmpty else {
                try await window.wait(for: first, onWait: onWait)
                continue
            }
            defer { window.settle(portion) }
            try await write(portion.count == records.count ? records : Array(portion))
            rest = rest.dropFirst(portion.count)
        }
    }

    private func write(_ records: [OutgoingRecord]) async throws {
        let pending = PendingSend(count: records.count)
        var next = 0
        while next < records.count {
            let code = handle.withPointer { client in
                topics[records[next].topic].map { records[next].enqueue(client, $0, pending) }
                    ?? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
            }
            switch code {
            case RD_KAFKA_RESP_ERR_NO_ERROR: next += 1
            case RD_KAFKA_RESP_ERR__QUEUE_FULL: await queueToDrain()
            default:
                // The remaining records are not tried. Delivery reports settle the records that were enqueued.
                pending.settle(records.count - next, failure: MessageBusError(code, while: "produce"))
                next = records.count
            }
        }
        try await pending.wait()
    }

    private func queueToDrain() async {
        await withCheckedContinuation { continuation in
            queueWaiters.withLock { $0.append(continuation) }
            handle.wake()
        }
    }

    /// Counts the call before it wakes the poll, so that a poll that begins in between does not wait.
    private func onThread<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        waiting.add(1, ordering: .acquiringAndReleasing)
        handle.wake()
        return try await thread.run {
            self.waiting.subtract(1, ordering: .acquiringAndReleasing)
            return try body()
        }
    }

    /// Handles delivery reports, then wakes senders that wait for space in the queue.
    private func serve() {
        let wait: Int32 = waiting.load(ordering: .acquiring) > 0 ? 0 : 1000
        _ = handle.withPointer { rd_kafka_poll($0, wait) }
        let waiters = queueWaiters.withLock { waiters in
            defer { waiters = [] }
            return waiters
        }
        for waiter in waiters { waiter.resume() }
        thread.submit { [weak self] in self?.serve() }
    }
}

/// librdkafka calls this during a poll or flush, once per message.
func delivered(
    client: OpaquePointer?, message: UnsafePointer<rd_kafka_message_t>?, opaque: UnsafeMutableRawPointer?
) {
    guard let message, let share = message.pointee._private else { return }
    let code = message.pointee.err
    #if DEBUG
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { AcknowledgementJournal.note(message) }
    #endif
    PendingSend.take(share).settle(
        failure: code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : MessageBusError(code, while: "produce"))
}

extension OutgoingRecord {
    /// Copies the record into librdkafka's queue.
    func enqueue(_ client: OpaquePointer, _ topic: OpaquePointer, _ pending: PendingSend) -> rd_kafka_resp_err_t {
        let list = headers.isEmpty ? nil : rd_kafka_headers_new(headers.count)
        for header in headers {
            Self.lend(header.value) { value, size in
                _ = rd_kafka_header_add(list, header.name, -1, value, size)
            }
        }
        let share = pending.opaque
        let code = Self.lend(key) { key, keySize in
            Self.lend(value) { value, valueSize in
                winnow_produce(client, topic, key, keySize, value, valueSize, list, share)
            }
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            // librdkafka did not take ownership: no report will arrive, and the headers must be freed here.
            if let list { rd_kafka_headers_destroy(list) }
            _ = PendingSend.take(share)
        }
        return code
    }

    /// Null and empty differ in Kafka: an empty value needs an address, which an empty array does not provide.
    private static func lend<Result>(_ bytes: [UInt8]?, _ body: (UnsafeRawPointer?, Int) -> Result) -> Result {
        guard let bytes else { return body(nil, 0) }
        return bytes.isEmpty
            ? withUnsafeBytes(of: UInt8(0)) { body($0.baseAddress, 0) }
            : bytes.withUnsafeBytes { body($0.baseAddress, $0.count) }
    }
}
