import Contracts
import Delivery
import KafkaBus
import MessageBus
import Telemetry

/// Sends requests and waits for their results, with bounded work under way: the embedded broker keeps 5 MiB a
/// partition, and what it trims is gone.
struct Exchange {
    struct Pending: Sendable {
        var eventID: String
        var bytes: [UInt8]
    }

    private let producer: KafkaProducer
    private let results: KafkaReader
    private let tenant: TenantID
    private let mostUnderWay: Int
    private static let mostBytesUnderWay = 4 << 20

    /// Returns when every result written from now on will be seen.
    /// - Throws: `SettingsError`, `MessageBusError`
    init(_ session: Session, tenant: TenantID, mostUnderWay: Int = 1000) async throws {
        let settings = try session.kafka()
        results = try await KafkaReader(
            settings: settings, topic: Topic.results, from: .end, logger: session.logger, metrics: session.metrics)
        producer = try KafkaProducer(settings: settings, logger: session.logger, metrics: session.metrics)
        self.tenant = tenant
        self.mostUnderWay = mostUnderWay
    }

    /// Hands each result on as it comes, the first of an id only.
    /// - Returns: the ids that got none in time.
    func run(
        _ pending: [Pending], timeout: Duration, onResult: (String, [UInt8]) throws -> Void
    ) async throws -> Set<String> {
        let deadline = ContinuousClock.now + timeout
        var waiting: Set<String> = []
        var open = Set(pending.map(\.eventID))
        var next = pending.startIndex
        var bytes: [String: Int] = [:]
        while !open.isEmpty, ContinuousClock.now < deadline {
            var end = next
            var load = bytes.values.reduce(0, +)
            while end < pending.endIndex, waiting.count + end - next < mostUnderWay,
                load == 0 || load + pending[end].bytes.count <= Self.mostBytesUnderWay
            {
                load += pending[end].bytes.count
                end += 1
            }
            if next < end {
                try await producer.send(pending[next..<end].map { Self.record($0, tenant: tenant) })
                for sent in pending[next..<end] where open.contains(sent.eventID) {
                    waiting.insert(sent.eventID)
                    bytes[sent.eventID] = sent.bytes.count
                }
                next = end
            }
            guard let batch = try await results.nextBatch(within: .milliseconds(200)) else { break }
            for record in batch {
                guard let event = try? CloudEvent(record), event.authID == tenant.rawValue, let data = event.data,
                    let id = try? ResultView.id(of: data), open.remove(id) != nil
                else { continue }
                waiting.remove(id)
                bytes[id] = nil
                try onResult(id, data)
            }
        }
        await close()
        return open
    }

    /// Sends without waiting for results.
    static func send(_ pending: [Pending], tenant: TenantID, _ session: Session) async throws {
        let producer = try KafkaProducer(
            settings: try session.kafka(), logger: session.logger, metrics: session.metrics)
        var rest = pending[...]
        while !rest.isEmpty {
            try await producer.send(rest.prefix(500).map { record($0, tenant: tenant) })
            rest = rest.dropFirst(500)
        }
        await producer.close()
    }

    private func close() async {
        results.stop()
        await producer.close()
    }

    private static func record(_ pending: Pending, tenant: TenantID) -> OutgoingRecord {
        let event = CloudEvent(
            id: pending.eventID, type: EventType.request, source: "/winnow/cli", time: .now, authID: tenant.rawValue,
            data: pending.bytes)
        return event.record(topic: Topic.requests, key: Array(pending.eventID.utf8))
    }
}
