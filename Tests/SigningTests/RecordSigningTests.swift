import Contracts
import MessageBus
import MessageBusTesting
import Settings
import Signing
import Synchronization
import Telemetry
import Testing

@Suite struct RecordSigningTests {
    private static let now = Timestamp(milliseconds: 1_790_000_000_000)
    private static let secret = Array("0123456789abcdef0123456789abcdef".utf8)

    private let metrics = Metrics()

    private func signing(_ secret: [UInt8]? = secret, at now: Timestamp = now) -> RecordSigning {
        RecordSigning(
            key: secret.flatMap { SigningKey($0) }, logger: Logger(service: "test", level: .error) { _ in },
            metrics: metrics, now: { now })
    }

    private func record(
        _ topic: String = Topic.controls, at time: Timestamp? = now, key: String = "a", data: String = "{}"
    ) -> OutgoingRecord {
        CloudEvent(
            id: "1", type: "t", source: "/s", time: time, correlationID: "r", data: Array(data.utf8)
        ).record(topic: topic, key: Array(key.utf8))
    }

    /// The content of a topic after a signing producer sent the record.
    private func sent(_ record: OutgoingRecord, by signing: RecordSigning) async throws -> Record {
        let bus = InMemoryBus(topics: [record.topic: 1])
        try await signing.signing(bus.producer()).send([record])
        return try #require(bus.records(in: record.topic).first)
    }

    private func count(_ reason: String) -> Bool {
        metrics.render().contains(#"winnow_unsigned_records_total{reason="\#(reason)"} 1"#)
    }

    @Test(arguments: Topic.signed.sorted())
    func `what is signed with the key is accepted, and nothing else is`(topic: String) async throws {
        let own = signing()
        let genuine = try await sent(record(topic), by: own)
        #expect(genuine.headers["winnow_signature"]?.utf8.count == 64)
        #expect(own.accepts(genuine))
        let unsigned = try await sent(record(topic), by: signing(nil))
        #expect(unsigned.headers["winnow_signature"] == nil)
        #expect(!own.accepts(unsigned))
        #expect(count("unsigned"))
        let other = try await sent(record(topic), by: signing(Array("another key of at least 32 bytes!".utf8)))
        #expect(!own.accepts(other))
        #expect(count("forged"))
    }

    @Test func `a signing producer calls onWait as the producer behind it does`() async throws {
        let bus = InMemoryBus(topics: [Topic.controls: 1])
        var waits = 0
        try await signing().signing(WaitingProducer(producer: bus.producer())).send([record()]) { waits += 1 }
        #expect(waits == 1)
        #expect(bus.records(in: Topic.controls).first?.headers["winnow_signature"] != nil)
    }

    @Test(arguments: ["topic", "key", "value", "tombstone", "id", "type", "time", "correlation", "added", "signature"])
    func `a signature covers the topic, the key, the attributes and the value`(change: String) async throws {
        let signing = signing()
        var changed = try await sent(record(), by: signing)
        func set(_ name: String, _ text: String) {
            changed.headers = changed.headers.map { $0.name == name ? Header(name, text: text) : $0 }
        }
        switch change {
        case "topic": changed.topic = Topic.heartbeats
        case "key": changed.key = nil
        case "value": changed.value = Array("[]".utf8)
        case "tombstone": changed.value = nil
        case "id": set("ce_id", "2")
        case "type": set("ce_type", "u")
        case "time": set("ce_time", Self.now.adding(milliseconds: 1).rfc3339)
        case "correlation": set("ce_correlationid", "q")
        case "added": changed.headers.append(Header("ce_subject", text: "x"))
        default: set("winnow_signature", "00")
        }
        #expect(!signing.accepts(changed))
        #expect(count("forged"))
    }

    @Test func `headers that a redelivery adds do not matter`() async throws {
        let signing = signing()
        var record = try await sent(record(Topic.heartbeats), by: signing)
        record.headers.append(Header("retry_topic-attempts", text: "1"))
        record.headers.reverse()
        #expect(signing.accepts(record))
    }

    @Test func `an old control or heartbeat that is repeated is ignored`() async throws {
        for topic in [Topic.controls, Topic.heartbeats] {
            let genuine = try await sent(record(topic), by: signing())
            #expect(signing(at: Self.now.adding(milliseconds: 299_000)).accepts(genuine))
            #expect(!signing(at: Self.now.adding(milliseconds: 301_000)).accepts(genuine))
            #expect(!signing(at: Self.now.adding(milliseconds: -301_000)).accepts(genuine))
        }
        let timeless = try await sent(record(at: nil), by: signing())
        #expect(!signing().accepts(timeless))
    }

    @Test(arguments: [Topic.controls, Topic.certificates])
    func `an older record of the same key does not override a newer one`(topic: String) async throws {
        let signing = signing()
        let old = try await sent(record(topic, at: Self.now.adding(milliseconds: -2)), by: signing)
        let new = try await sent(record(topic, at: Self.now.adding(milliseconds: -1)), by: signing)
        let other = try await sent(record(topic, at: Self.now.adding(milliseconds: -3), key: "b"), by: signing)
        #expect(signing.accepts(old))
        #expect(signing.accepts(new))
        #expect(signing.accepts(new))
        #expect(!signing.accepts(old))
        #expect(count("old"))
        #expect(signing.accepts(other))
    }

    @Test func `a certificate may be as old as its topic`() async throws {
        let old = try await sent(
            record(Topic.certificates, at: Self.now.adding(milliseconds: -86_400_000)), by: signing())
        #expect(signing().accepts(old))
    }

    @Test func `other topics are neither signed nor checked, and without a key nothing is`() async throws {
        let request = try await sent(record(Topic.requests(.interactive)), by: signing())
        #expect(request.headers["winnow_signature"] == nil)
        #expect(signing().accepts(request))
        #expect(signing(nil).accepts(try await sent(record(), by: signing(nil))))
    }

    /// The expected value was computed with Python's hmac and struct.
    @Test func `a signature equals the one that openssl computes`() async throws {
        let signed = try await sent(record(), by: signing())
        #expect(
            signed.headers["winnow_signature"] == "4c5ae9ddb52aa55263c4fe7faa6b2ba52c057aee1b1267403b4b854fccef3f93")
    }

    @Test func `a derived secret needs the key`() {
        #expect(signing().secret(for: "a") == signing().secret(for: "a"))
        #expect(signing().secret(for: "a") != signing().secret(for: "b"))
        #expect(signing().secret(for: "a") != signing(Array("another key of at least 32 bytes!".utf8)).secret(for: "a"))
        #expect(signing(nil).secret(for: "a") == 0)
    }

    @Test func `a key is 32 bytes or more`() {
        #expect(SigningKey([UInt8](repeating: 1, count: 31)) == nil)
        #expect(SigningKey([UInt8](repeating: 1, count: 32)) != nil)
        #expect(SigningKey([UInt8](repeating: 1, count: 4097)) == nil)
    }

    @Test func `a key file that is not there or too short is a clear error at the start`() throws {
        var none = SettingsReader(environment: [:])
        #expect(try SigningKey.read(&none) == nil)
        for path in ["/nowhere", "/dev/null"] {
            var reader = SettingsReader(environment: ["WINNOW_SIGNING_KEY_FILE": path])
            #expect(throws: SettingsError.self) { try SigningKey.read(&reader) }
        }
    }
}

/// Waits before it sends.
private struct WaitingProducer: MessageProducer {
    let producer: InMemoryProducer

    func send(_ records: [OutgoingRecord]) async throws { try await producer.send(records) }

    func send(_ records: [OutgoingRecord], onWait: () async -> Void) async throws {
        await onWait()
        try await send(records)
    }

    func close() async {}
}
