import CPatientWait
import CRDKafka
import MessageBus
import Synchronization
import Telemetry

/// Owns one librdkafka client and lends its pointer by closure.
///
/// `@unchecked Sendable`: calls of a librdkafka client are thread-safe, and the pointers never change.
final class KafkaHandle: @unchecked Sendable {
    enum Role { case producer, consumer }

    let events: ClientEvents
    private let role: Role
    private let client: OpaquePointer
    /// The queue that `rd_kafka_poll` or `rd_kafka_consumer_poll` waits on.
    private let queue: OpaquePointer?

    /// - Throws: `MessageBusError.configuration`, which names the property and never its value.
    init(_ role: Role, _ properties: [String: String], events: ClientEvents) throws(MessageBusError) {
        guard let configuration = rd_kafka_conf_new() else {
            throw MessageBusError(.configuration, "librdkafka could not create a configuration", isRetriable: false)
        }
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            guard rd_kafka_conf_set(configuration, name, value, nil, 0) == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(configuration)
                throw MessageBusError(.configuration, "librdkafka rejects the property \(name)", isRetriable: false)
            }
        }
        events.attach(to: configuration, role)
        var reason = [CChar](repeating: 0, count: 512)
        let type = role == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let client = rd_kafka_new(type, configuration, &reason, reason.count) else {
            // librdkafka takes ownership of the configuration only on success.
            rd_kafka_conf_destroy(configuration)
            let words = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw MessageBusError(.configuration, words, isRetriable: false)
        }
        self.client = client
        self.role = role
        self.events = events
        switch role {
        case .producer: queue = rd_kafka_queue_get_main(client)
        case .consumer:
            rd_kafka_poll_set_consumer(client)
            queue = rd_kafka_queue_get_consumer(client)
        }
    }

    deinit {
        if let queue { rd_kafka_queue_destroy(queue) }
        guard events.assignment?.allowsDestruction ?? true else {
            // librdkafka would abort (`Assignment.allowsDestruction`). So the client lives until the process ends, and
            // so do the events, which its callbacks use.
            _ = Unmanaged.passRetained(events)
            return
        }
        // Does not leave the group, because that waits for the broker. A consumer that is to leave it is closed before.
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    }

    func withPointer<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(client)
    }

    /// Whether the cluster is librdkafka's mock cluster, which is recognized by its cluster id. Blocks for at most one
    /// round trip.
    /// - Throws: `MessageBusError`, retriable if the cluster does not answer.
    func isEmbeddedBroker(timeout: Int32 = 10_000) throws(MessageBusError) -> Bool {
        guard let id = rd_kafka_clusterid(client, timeout) else {
            throw MessageBusError(.timedOut, "read the cluster id", isRetriable: true)
        }
        defer { rd_kafka_mem_free(client, id) }
        return String(cString: id).hasPrefix("mockCluster")
    }

    /// Passes errors that librdkafka has queued to `events`. For clients that nobody polls otherwise: on a member of a
    /// group, this poll could fetch a record.
    func serveErrors() {
        guard events.assignment == nil else { return }
        switch role {
        case .producer: rd_kafka_poll(client, 0)
        case .consumer:
            if let message = rd_kafka_consumer_poll(client, 0) { rd_kafka_message_destroy(message) }
        }
    }

    /// Ends the current poll, or the next one if none is running, without an event.
    func wake() {
        if let queue { rd_kafka_queue_yield(queue) }
    }
}

/// Receives librdkafka's callbacks other than records: logs, errors, statistics and rebalances.
///
/// It is the client's opaque pointer. `KafkaHandle` keeps it alive until the client is destroyed.
final class ClientEvents: Sendable {
    let logger: Logger
    let assignment: Assignment?
    private let lag: ConsumerLag?
    private let metrics: Metrics
    private let client: String
    private let fatalError = Mutex<MessageBusError?>(nil)
    private let refusal = Mutex<MessageBusError?>(nil)

    /// - Parameter client: a label of metrics, such as `producer` or `consumer`.
    init(
        client: String, logger: Logger, metrics: Metrics, assignment: Assignment? = nil, lag: ConsumerLag? = nil
    ) {
        self.client = client
        self.logger = logger
        self.metrics = metrics
        self.assignment = assignment
        self.lag = lag
    }

    /// The error after which this client can no longer work.
    var fatal: MessageBusError? { fatalError.withLock { $0 } }

    /// The reason why brokers refuse this client's connections because of wrong credentials or certificates. librdkafka
    /// reports it only to the error callback; all calls just time out.
    var connectionRefusal: MessageBusError? { refusal.withLock { $0 } }

    func attach(to configuration: OpaquePointer, _ role: KafkaHandle.Role) {
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(self).toOpaque())
        rd_kafka_conf_set_log_cb(configuration, logged)
        rd_kafka_conf_set_error_cb(configuration, failed)
        switch role {
        case .producer: rd_kafka_conf_set_dr_msg_cb(configuration, delivered)
        case .consumer:
            if assignment != nil {
                rd_kafka_conf_set_rebalance_cb(configuration, rebalanced)
                rd_kafka_conf_interceptor_add_on_new(
                    configuration, interceptor, created, Unmanaged.passUnretained(self).toOpaque())
            }
            if lag != nil { rd_kafka_conf_set_stats_cb(configuration, measured) }
        }
    }

    /// Counts and logs an error from which librdkafka tries to recover.
    func note(_ code: rd_kafka_resp_err_t, _ reason: String) {
        let name = rd_kafka_err2name(code).map { String(cString: $0) } ?? "\(code.rawValue)"
        metrics.counter(
            "winnow_kafka_errors_total", "Errors that the Kafka client reported.",
            [("client", client), ("error_type", name)]
        ).increment()
        logger.warning("Kafka client error", metadata: [LogKeys.errorType: name, LogKeys.errorMessage: reason])
    }

    fileprivate func fail(_ code: rd_kafka_resp_err_t, _ reason: String, client: OpaquePointer) {
        note(code, reason)
        if code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL {
            refusal.withLock { $0 = MessageBusError(code, while: "connect") }
        }
        guard code == RD_KAFKA_RESP_ERR__FATAL else { return }
        let cause = rd_kafka_fatal_error(client, nil, 0)
        let name = rd_kafka_err2name(cause).map { String(cString: $0) } ?? "\(cause.rawValue)"
        fatalError.withLock { $0 = MessageBusError(.fatal, "\(name): \(reason)", isRetriable: false) }
    }

    fileprivate func log(_ level: Int32, _ facility: String, _ text: String) {
        let metadata = ["librdkafka.facility": facility, LogKeys.reason: text]
        // syslog levels: 0 to 3 are errors, 4 is a warning, 5 a notice, 6 information, 7 debugging.
        switch level {
        // `KAFKA_CONF_*` applies to every role, so each client warns about properties of other roles. The embedded
        // broker is too old to support the setting that consumers must not create topics.
        case _ where ["CONFWARN", "AUTOCREATE"].contains(facility): logger.debug("Kafka client", metadata: metadata)
        case ...4: logger.warning("Kafka client", metadata: metadata)
        case 5: logger.notice("Kafka client", metadata: metadata)
        case 6: logger.info("Kafka client", metadata: metadata)
        default: logger.debug("Kafka client", metadata: metadata)
        }
    }

    fileprivate func measure(_ statistics: UnsafeBufferPointer<UInt8>) {
        guard let assignment else { return }
        lag?.update(statistics, assigned: assignment.partitions)
    }
}

private func events(_ opaque: UnsafeMutableRawPointer?) -> ClientEvents? {
    opaque.map { Unmanaged<ClientEvents>.fromOpaque($0).takeUnretainedValue() }
}

private func logged(
    client: OpaquePointer?, level: Int32, facility: UnsafePointer<CChar>?, text: UnsafePointer<CChar>?
) {
    guard let client, let facility, let text else { return }
    events(rd_kafka_opaque(client))?.log(level, String(cString: facility), String(cString: text))
}

private func failed(
    client: OpaquePointer?, code: Int32, reason: UnsafePointer<CChar>?, opaque: UnsafeMutableRawPointer?
) {
    guard let client, let reason else { return }
    events(opaque)?.fail(rd_kafka_resp_err_t(code), String(cString: reason), client: client)
}

private func measured(
    client: OpaquePointer?, json: UnsafeMutablePointer<CChar>?, size: Int, opaque: UnsafeMutableRawPointer?
) -> Int32 {
    if let json {
        events(opaque)?.measure(
            UnsafeBufferPointer(start: UnsafeRawPointer(json).assumingMemoryBound(to: UInt8.self), count: size))
    }
    return 0  // librdkafka frees the text
}

private let interceptor = "winnow"

private func created(
    client: OpaquePointer?, configuration: OpaquePointer?, opaque: UnsafeMutableRawPointer?,
    reason: UnsafeMutablePointer<CChar>?, size: Int
) -> rd_kafka_resp_err_t {
    rd_kafka_interceptor_add_on_request_sent(client, interceptor, sent, opaque)
}

/// Called on one of librdkafka's own threads.
private func sent(
    client: OpaquePointer?, socket: Int32, broker: UnsafePointer<CChar>?, brokerID: Int32, request: Int16,
    version: Int16, correlation: Int32, size: Int, opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    // 11 is the protocol's API key of JoinGroup.
    if request == 11 { events(opaque)?.assignment?.noteJoin() }
    return RD_KAFKA_RESP_ERR_NO_ERROR
}

private func rebalanced(
    client: OpaquePointer?, code: rd_kafka_resp_err_t,
    partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, opaque: UnsafeMutableRawPointer?
) {
    guard let client, let partitions, let events = events(opaque) else { return }
    events.assignment?.change(client, code, partitions, events)
}

extension MessageBusError {
    /// - Parameter action: the action that failed, such as `commit`; becomes part of the message.
    init(_ code: rd_kafka_resp_err_t, while action: String) {
        let (kind, isRetriable) = Self.classify(code)
        let name = rd_kafka_err2name(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
        let words = rd_kafka_err2str(code).map { String(cString: $0) } ?? ""
        self.init(kind, "\(action): \(name): \(words)", isRetriable: isRetriable)
    }

    /// Creates an error from a librdkafka error object and frees the object.
    init(taking error: OpaquePointer, while action: String) {
        self.init(rd_kafka_error_code(error), while: action)
        rd_kafka_error_destroy(error)
    }

    private static func classify(_ code: rd_kafka_resp_err_t) -> (Code, isRetriable: Bool) {
        switch code {
        case RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__FENCED: (.fatal, false)
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
            RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
            (.timedOut, true)
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR__SSL:
            // Retriable, since credentials and certificates may be replaced while services run.
            (.authentication, true)
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: (.tooLarge, false)
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            (.unknownTopic, true)
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR__INVALID_ARG,
            RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
            (.configuration, false)
        default: (.unavailable, true)
        }
    }
}
