import Foundation
import KafkaBus
import Lifecycle
import MessageBus
import Telemetry
import Testing

/// The behaviour of the live adapter when the cluster is faulty.
@Suite(.timeLimit(.minutes(1)))
struct KafkaFaultTests {
    private let topic = "winnow.test-\(UUID().uuidString.lowercased()).v1"

    @Test func `the first record of a process waits for no poll`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        var quick = 0
        for number in 0..<10 {
            let start = ContinuousClock.now
            let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
            try await producer.send([OutgoingRecord(topic: topic, key: nil, value: [UInt8(number)])])
            await producer.close()
            // An idle poll takes a second.
            if ContinuousClock.now - start < .seconds(1) { quick += 1 }
        }
        // A producer that waits for a poll is quick in one of five tries. A busy machine makes a few others slow.
        #expect(quick >= 6)
    }

    @Test(.enabled(if: Cluster.isEmbedded, "a cluster's retention takes longer than a test"))
    func `records that the broker dropped before they were read are counted and told`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let (log, metrics) = (LogLines(), Metrics())
        let consumer = try KafkaConsumer(
            settings: settings, group: topic + ".group", topics: [topic], maxBatch: 1,
            logger: Logger(service: "conformance", level: .error, sink: log.add), metrics: metrics)
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        func send(_ count: Int, of bytes: Int) async throws {
            for number in 0..<count {
                let value = Array("\(number)".utf8) + [UInt8](repeating: 0x20, count: bytes)
                try await producer.send([OutgoingRecord(topic: topic, key: nil, value: value)])
            }
        }
        try await send(1, of: 1)
        try await consumer.commit(try await consumer.take(1))
        // Records that were fetched ahead are dropped here and count as not read.
        await consumer.pause()
        try await send(20, of: 500_000)
        await consumer.resume()
        let first = try #require(try await consumer.take(1).first)
        // 5 MiB hold ten of these records.
        #expect(first.offset > 1)
        await log.wait(for: "Broker dropped records before they were read")
        let labels = #"{group_id="\#(topic).group",topic_name="\#(topic)"}"#
        #expect(metrics.render().contains("winnow_kafka_dropped_records_total\(labels) \(first.offset - 1)\n"))

        let lags = try await KafkaAdmin(settings: settings, logger: Cluster.logger)
            .lag(group: topic + ".group", topics: [topic])
        #expect(lags.map(\.dropped) == [first.offset - 1])
        await consumer.close()
    }

    @Test(.enabled(if: Cluster.isEmbedded, "a cluster's retention takes longer than a test"))
    func `a member that joins after records were dropped reports them too`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let (log, metrics) = (LogLines(), Metrics())
        func member() throws -> KafkaConsumer {
            try KafkaConsumer(
                settings: settings, group: topic + ".group", topics: [topic], maxBatch: 1,
                logger: Logger(service: "conformance", level: .error, sink: log.add), metrics: metrics)
        }
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        try await producer.send([OutgoingRecord(topic: topic, key: nil, value: [1])])
        let first = try member()
        try await first.commit(try await first.take(1))
        await first.close()
        for _ in 0..<20 {
            try await producer.send([
                OutgoingRecord(topic: topic, key: nil, value: [UInt8](repeating: 1, count: 500_000))
            ])
        }
        let second = try member()
        let record = try #require(try await second.take(1).first)
        await log.wait(for: "Broker dropped records before they were read")
        #expect(metrics.render().contains("\"} \(record.offset - 1)\n"))
        await second.close()
    }

    @Test func `a wrong password is told from a broker that is away`() async throws {
        let broker = try RefusingBroker()
        let settings = KafkaSettings(
            bootstrapServers: "127.0.0.1:\(broker.port)",
            overrides: [
                "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "winnow",
                "sasl.password": "hidden",
            ])
        let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
        let error = await #expect(throws: MessageBusError.self) { _ = try await admin.metadata() }
        #expect(error?.code == .authentication)
        #expect(error?.isRetriable == true)
        #expect("\(String(describing: error))".contains("hidden") == false)
        broker.stop()
    }
}

/// A server that speaks just enough of Kafka's protocol to refuse every password.
private final class RefusingBroker: Sendable {
    let port: UInt16
    private let listener: Int32
    private let thread = ThreadExecutor()

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
        thread.submit {
            while case let connection = accept(listener, nil, nil), connection >= 0 {
                while let request = Self.read(connection), let answer = Self.answer(to: request) {
                    _ = answer.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
                }
                close(connection)
            }
        }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        thread.stop()
    }

    private static func read(_ connection: Int32) -> [UInt8]? {
        func bytes(_ count: Int) -> [UInt8]? {
            var bytes: [UInt8] = []
            while bytes.count < count {
                var part = [UInt8](repeating: 0, count: count - bytes.count)
                let got = Foundation.read(connection, &part, part.count)
                guard got > 0 else { return nil }
                bytes += part.prefix(got)
            }
            return bytes
        }
        guard let size = bytes(4) else { return nil }
        return bytes(size.reduce(0) { $0 << 8 | Int($1) })
    }

    /// A request begins with its API key, version and correlation id, which have 2, 2 and 4 bytes.
    private static func answer(to request: [UInt8]) -> [UInt8]? {
        guard request.count >= 8 else { return nil }
        let body: [UInt8]
        switch request[1] {
        // ApiVersions in version 0: SaslHandshake 0 to 1, SaslAuthenticate 0, and ApiVersions itself.
        case 18:
            guard request[3] == 0 else {
                // Another version is refused, and the client asks again in version 0.
                body = [0, 35, 0, 0, 0, 0]
                break
            }
            body =
                [0, 0, 0, 0, 0, 4] + [0, 3, 0, 0, 0, 4] + [0, 17, 0, 0, 0, 1] + [0, 18, 0, 0, 0, 0]
                + [0, 36, 0, 0, 0, 0]
        // SaslHandshake: no error, and the mechanism PLAIN.
        case 17: body = [0, 0, 0, 0, 0, 1, 0, 5] + Array("PLAIN".utf8)
        // SaslAuthenticate: SASL_AUTHENTICATION_FAILED, a message, no bytes.
        case 36: body = [0, 58, 0, 2] + Array("no".utf8) + [0, 0, 0, 0]
        default: return nil
        }
        let size = UInt32(body.count + 4)
        return (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } + request[4..<8] + body
    }
}
