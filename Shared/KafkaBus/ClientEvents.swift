import CRDKafka
import MessageBus
import Synchronization
import Telemetry

/// What librdkafka tells besides records: logs, errors, statistics, changes of the assignment.
///
/// It is the client's opaque pointer; `KafkaHandle` keeps it alive until the client is destroyed.
final class ClientEvents: Sendable {
    let logger: Logger
    let assignment: Assignment?
    private let lag: ConsumerLag?
    private let metrics: Metrics
    private let client: String
    private let fatalError = Mutex<MessageBusError?>(nil)
    private let refusal = Mutex<MessageBusError?>(nil)

    /// - Parameter client: `producer`, `consumer`, …; a metric's label.
    init(
        client: String, logger: Logger, metrics: Metrics, assignment: Assignment? = nil, lag: ConsumerLag? = nil
    ) {
        self.client = client
        self.logger = logger
        self.metrics = metrics
        self.assignment = assignment
        self.lag = lag
    }

    /// A fault after which this client does nothing more.
    var fatal: MessageBusError? { fatalError.withLock { $0 } }

    /// Why the brokers refuse this client's connections, when it is for want of the right credentials or certificates.
    /// librdkafka tells that to the error callback alone: every call just runs into its timeout.
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

    /// Counts and logs a fault that librdkafka goes on trying to mend.
    func note(_ code: rd_kafka_resp_err_t, _ reason: String) {
        let name = rd_kafka_err2name(code).map { String(cString: $0) } ?? "\(code.rawValue)"
        metrics.counter(
            "winnow_kafka_errors_total", "Faults that the Kafka client reported.",
            [("client", client), ("error_type", name)]
        ).increment()
        logger.warning("Kafka client fault", metadata: [LogKeys.errorType: name, LogKeys.errorMessage: reason])
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
        // syslog's levels: 0 to 3 are errors, 4 a warning, 5 a notice, 6 information, 7 debugging.
        switch level {
        // `KAFKA_CONF_*` serves every role, so each client warns about the others' properties; and the embedded broker
        // is too old to be told that a consumer must not create topics.
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

/// On one of librdkafka's own threads.
private func sent(
    client: OpaquePointer?, socket: Int32, broker: UnsafePointer<CChar>?, brokerID: Int32, request: Int16,
    version: Int16, correlation: Int32, size: Int, opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    // The protocol's key of JoinGroup.
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
