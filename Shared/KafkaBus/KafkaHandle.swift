import CPatientWait
import CRDKafka
import MessageBus

/// Owns one librdkafka client and lends its pointer by closure.
///
/// `@unchecked Sendable`: librdkafka's client calls are thread-safe, and the pointers never change.
final class KafkaHandle: @unchecked Sendable {
    enum Role { case producer, consumer }

    let events: ClientEvents
    private let role: Role
    private let client: OpaquePointer
    /// What `rd_kafka_poll` or `rd_kafka_consumer_poll` waits on.
    private let queue: OpaquePointer?

    /// - Throws: `MessageBusError.configuration`, naming the property and never its value.
    init(_ role: Role, _ properties: [String: String], events: ClientEvents) throws(MessageBusError) {
        guard let configuration = rd_kafka_conf_new() else {
            throw MessageBusError(.configuration, "librdkafka gave no configuration", isRetriable: false)
        }
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            guard rd_kafka_conf_set(configuration, name, value, nil, 0) == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(configuration)
                throw MessageBusError(.configuration, "librdkafka refuses the property \(name)", isRetriable: false)
            }
        }
        events.attach(to: configuration, role)
        var reason = [CChar](repeating: 0, count: 512)
        let type = role == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let client = rd_kafka_new(type, configuration, &reason, reason.count) else {
            // Only now is the configuration still ours.
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
            // The process ends soon, and the client with it; its callbacks still need the events.
            _ = Unmanaged.passRetained(events)
            return
        }
        // A consumer that is to leave its group at once is closed before: a destructor must not wait for a broker.
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    }

    func withPointer<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(client)
    }

    /// Whether the cluster is librdkafka's mock cluster, which names itself. Blocks for a round trip at most.
    /// - Throws: `MessageBusError`, retriable when the cluster does not answer.
    func isEmbeddedBroker(timeout: Int32 = 10_000) throws(MessageBusError) -> Bool {
        guard let id = rd_kafka_clusterid(client, timeout) else {
            throw MessageBusError(.timedOut, "ask for the cluster's id", isRetriable: true)
        }
        defer { rd_kafka_mem_free(client, id) }
        return String(cString: id).hasPrefix("mockCluster")
    }

    /// Has errors that were reported meanwhile told to `events`: without a poll they wait.
    /// A member of a group serves them while it polls; here it could take a record.
    func serveErrors() {
        guard events.assignment == nil else { return }
        switch role {
        case .producer: rd_kafka_poll(client, 0)
        case .consumer:
            if let message = rd_kafka_consumer_poll(client, 0) { rd_kafka_message_destroy(message) }
        }
    }

    /// Ends the poll that is waiting, or else the next one, without an event.
    func wake() {
        if let queue { rd_kafka_queue_yield(queue) }
    }
}
