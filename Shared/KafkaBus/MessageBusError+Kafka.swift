import CRDKafka
import MessageBus

extension MessageBusError {
    /// - Parameter action: what was tried, such as `commit`; it becomes part of the message.
    init(_ code: rd_kafka_resp_err_t, while action: String) {
        let (kind, isRetriable) = Self.classify(code)
        let name = rd_kafka_err2name(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
        let words = rd_kafka_err2str(code).map { String(cString: $0) } ?? ""
        self.init(kind, "\(action): \(name): \(words)", isRetriable: isRetriable)
    }

    /// Takes what went wrong from an error object, and frees it.
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
            // Credentials and certificates are exchanged while services run.
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
