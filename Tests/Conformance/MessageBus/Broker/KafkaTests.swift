import BuiltInCatalog
import Contracts
import Foundation
import KafkaBus
import MessageBus
import Settings
import Telemetry
import Testing

/// Features that only the live adapter has.
@Suite(.timeLimit(.minutes(1)))
struct KafkaTests {
    private let topic = "winnow.test-\(UUID().uuidString.lowercased()).v1"

    private func record(_ value: String) -> OutgoingRecord {
        OutgoingRecord(topic: topic, key: Array(value.utf8), value: Array(value.utf8))
    }

    @Test func `a reader that begins at the end misses nothing that is written after it is there`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 6)
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        try await producer.send((0..<20).map { record("old-\($0)") })
        let reader = try await KafkaReader(
            settings: settings, topic: topic, from: .end, logger: Cluster.logger, metrics: Metrics())
        let expected = Set((0..<20).map { "new-\($0)" })
        try await producer.send(expected.map { record($0) })
        var seen: Set<String> = []
        while seen.count < 20, let batch = try await reader.nextBatch() { seen.formUnion(batch.compactMap(\.text)) }
        #expect(seen == expected)

        #expect(try await reader.nextBatch(within: .milliseconds(10)) == [])
        reader.stop()
        #expect(try await reader.nextBatch() == nil)

        let all = try await KafkaReader(
            settings: settings, topic: topic, from: .beginning, logger: Cluster.logger, metrics: Metrics())
        var count = 0
        while count < 40, let batch = try await all.nextBatch() { count += batch.count }
        #expect(count == 40)
    }

    @Test func `one reader follows several topics, each from its own start`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 3)
        let other = "winnow.test-\(UUID().uuidString.lowercased()).v1"
        _ = try await Cluster.shared.settings(withTopic: other, partitions: 1)
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        func write(_ value: String, to topic: String) -> OutgoingRecord {
            OutgoingRecord(topic: topic, key: Array(value.utf8), value: Array(value.utf8))
        }
        try await producer.send([write("old", to: topic), write("old", to: other)])
        let reader = try await KafkaReader(
            settings: settings, starts: [topic: .beginning, other: .end], logger: Cluster.logger, metrics: Metrics())
        #expect(Set(reader.backlog.keys.map(\.topic)) == [topic])
        try await producer.send([write("new", to: topic), write("new", to: other)])
        var seen: Set<[String]> = []
        while seen.count < 3, let batch = try await reader.nextBatch() {
            seen.formUnion(batch.map { [$0.topic, $0.text ?? ""] })
        }
        #expect(seen == [[topic, "old"], [topic, "new"], [other, "new"]])
        reader.stop()
        let error = await #expect(throws: MessageBusError.self) {
            _ = try await KafkaReader(
                settings: settings, starts: [topic: .end, other + "-missing": .end], logger: Cluster.logger,
                metrics: Metrics())
        }
        #expect(error?.code == .unknownTopic)
    }

    @Test func `a reader of a topic that does not exist says so`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let error = await #expect(throws: MessageBusError.self) {
            _ = try await KafkaReader(
                settings: settings, topic: topic + "-missing", from: .end, logger: Cluster.logger, metrics: Metrics())
        }
        #expect(error?.code == .unknownTopic)
    }

    @Test func `topics are created once, and lag is what is not committed`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 2)
        let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
        let catalog = TopicCatalog(entries: [.init(name: topic, partitions: 2)])
        #expect(try await admin.create(catalog) == [TopicReport(name: topic, outcome: .existing)])
        #expect(try await admin.isEmbedded() == Cluster.isEmbedded)
        let more = TopicCatalog(entries: [.init(name: topic, partitions: 3)])
        #expect(try await admin.create(more) == [TopicReport(name: topic, outcome: .smaller(2))])
        let fewer = TopicCatalog(entries: [.init(name: topic, partitions: 1)])
        #expect(try await admin.create(fewer) == [TopicReport(name: topic, outcome: .larger(2))])

        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        try await producer.send((0..<50).map { record("\($0)") })
        let metrics = Metrics()
        let group = topic + ".lag"
        let consumer = try KafkaConsumer(
            settings: settings, group: group, topics: [topic], maxBatch: 30, logger: Cluster.logger, metrics: metrics)
        let batch = try await consumer.take(30)
        try await consumer.commit(Array(batch.prefix(20)))
        let lags = try await admin.lag(group: group, topics: [topic], withAge: true)
        #expect(lags.map(\.end).reduce(0, +) == 50)
        #expect(lags.map(\.count).reduce(0, +) >= 30)
        let now = Timestamp.now.milliseconds
        for lag in lags where lag.count > 0 {
            #expect((now - 60_000...now).contains(lag.oldest?.milliseconds ?? 0))
        }
        try await consumer.commit(batch + (try await consumer.take(50 - batch.count)))
        #expect(try await admin.lag(group: group, topics: [topic]).map(\.count) == [0, 0])
        await consumer.close()
        #expect(metrics.render().contains("winnow_kafka_consumed_records_total"))
    }

    @Test func `tenants' own topics have the series of the shared topic, and no series names a tenant`() async throws {
        let tenants = (0..<2).map { "tenant\($0)-\(UUID().uuidString.lowercased())" }
        let topics = tenants.map { "winnow.requests.\($0).v1" }
        var settings = try await Cluster.shared.settings(withTopic: topics[0], partitions: 1)
        settings = try await Cluster.shared.settings(withTopic: topics[1], partitions: 1)
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        try await producer.send(topics.map { OutgoingRecord(topic: $0, key: nil, value: [1]) })
        let metrics = Metrics()
        let consumer = try KafkaConsumer(
            settings: settings, group: topic + ".own", topics: topics, maxBatch: 2, logger: Cluster.logger,
            metrics: metrics)
        _ = try await consumer.take(2)
        await consumer.close()
        let label = #"{group_id="\#(topic).own",topic_name="winnow.requests.v1"}"#
        let series = metrics.render()
        #expect(series.contains("winnow_kafka_consumed_records_total\(label) 2\n"))
        #expect(series.contains("winnow_kafka_consumer_group_topic_partition_lag{"))
        for tenant in tenants { #expect(!series.contains(tenant)) }
    }

    @Test func `records in progress during a rebalance are committed before they are given up`() async throws {
        let settings = try await Cluster.shared.settings(withTopic: topic, partitions: 4)
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        let group = topic + ".group"
        func member() throws -> KafkaConsumer {
            try KafkaConsumer(
                settings: settings, group: group, topics: [topic], maxBatch: 2, logger: Cluster.logger,
                metrics: Metrics())
        }
        let first = try member()
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await tally.take(from: first, as: 0) }
            var sent = 0
            func send() async throws {
                try await producer.send([record("\(sent)")])
                sent += 1
                await tally.waitFor(count: sent)
            }
            try await send()
            let second = try member()
            tasks.addTask { try await tally.take(from: second, as: 1) }
            // Commits of the first member coincide with the join of the second one.
            while tally.members < 2 { try await send() }
            let admin = try KafkaAdmin(settings: settings, logger: Cluster.logger)
            while try await admin.lag(group: group, topics: [topic]).contains(where: { $0.count > 0 }) {}
            #expect(tally.numbers == Set(0..<sent))
            #expect(tally.records == sent)
            for member in [first, second] { member.stop() }
            try await tasks.waitForAll()
            await second.close()
        }
        await first.close()
    }

    /// The saving is only visible in an idle suite (`make bench`).
    @Test func `librdkafka finds our timed wait before the C library's`() throws {
        let library = try #require(dlopen("libc.so.6", RTLD_LAZY))
        defer { dlclose(library) }
        let found = try #require(dlsym(nil, "cnd_timedwait"))
        #expect(found != dlsym(library, "cnd_timedwait"))
    }

    @Test func `the lag of an own partition is measured`() async throws {
        let cluster = try await Cluster.shared.settings(withTopic: topic, partitions: 1)
        let settings = KafkaSettings(
            bootstrapServers: cluster.bootstrapServers,
            overrides: cluster.overrides.merging(["statistics.interval.ms": "50"]) { $1 })
        let producer = try KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics())
        let metrics = Metrics()
        let consumer = try KafkaConsumer(
            settings: settings, group: topic + ".group", topics: [topic], logger: Cluster.logger, metrics: metrics)
        let labels = #"{group_id="\#(topic).group",topic_name="\#(topic)",partition_id="0"}"#
        try await producer.send([record("0")])
        var sent = 1
        var lag: Int?
        // Statistics arrive with the polls. Nothing is committed, so the lag equals the number of records.
        while lag ?? 0 == 0, try await consumer.nextBatch() != nil {
            try await producer.send([record("\(sent)")])
            sent += 1
            let line = metrics.render().split(separator: "\n").first { $0.contains(labels) }
            lag = line?.split(separator: " ").last.flatMap { Int($0) }
        }
        #expect((1...sent).contains(lag ?? 0))
        await consumer.close()
    }

    @Test func `settings pass through to librdkafka, and errors name the variable but not its value`() throws {
        var good = SettingsReader(environment: [
            "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "KAFKA_CONF_SASL_PASSWORD": "hidden",
            "KAFKA_CONF_FETCH_WAIT_MAX_MS": "500", "KAFKA_GROUP_INSTANCE_ID": "worker-0", "KAFKA_ACCUMULATION_MS": "3",
        ])
        let settings = try KafkaSettings(from: &good)
        #expect(settings.overrides == ["sasl.password": "hidden", "fetch.wait.max.ms": "500"])
        #expect(settings.groupInstanceID == "worker-0")
        #expect(settings.accumulation == .milliseconds(3))
        #expect(!good.entries.contains { $0.shown.contains("hidden") })

        for (name, value) in [("NO_SUCH_KEY", "hidden"), ("SESSION_TIMEOUT_MS", "hidden"), ("ACKS", "0")] {
            var reader = SettingsReader(environment: [
                "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "KAFKA_CONF_\(name)": value,
            ])
            let error = #expect(throws: SettingsError.self) { try KafkaSettings(from: &reader) }
            #expect(error?.key == "KAFKA_CONF_\(name)")
            #expect(error?.message.contains("hidden") == false)
        }
        var empty = SettingsReader(environment: [:])
        #expect(throws: SettingsError.self) { try KafkaSettings(from: &empty) }
    }

    /// Sends nothing: if librdkafka creates the client, its settings are consistent.
    @Test func `librdkafka makes clients with the settings that the compose file gives every service`() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let file = try String(contentsOf: root.appending(path: "docker-compose.yml"), encoding: .utf8)
        let block = try #require(file.firstRange(of: "x-kafka-environment: &kafka-environment\n"))
        var environment = [
            "KAFKA_CONF_SASL_USERNAME": "decomposer", "KAFKA_CONF_SASL_PASSWORD": "change-me",
        ]
        for line in file[block.upperBound...].split(separator: "\n", omittingEmptySubsequences: false) {
            guard !line.isEmpty else { break }
            let parts = line.split(separator: ": ", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            if parts.count == 2, parts[0].hasPrefix("KAFKA_") {
                environment[parts[0]] = parts[1].trimmingCharacters(in: ["\""])
            }
        }
        #expect(environment["KAFKA_CONF_SASL_MECHANISM"] == "SCRAM-SHA-256")
        environment["KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
        var reader = SettingsReader(environment: environment)
        let settings = try KafkaSettings(from: &reader)
        try await KafkaProducer(settings: settings, logger: Cluster.logger, metrics: Metrics()).close()
        try await KafkaConsumer(
            settings: settings, group: "g", topics: [topic], logger: Cluster.logger, metrics: Metrics()
        ).close()
    }

    @Test func `the catalog in the repository names every topic of the contract`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../../infra/kafka")
        let catalog = try TopicCatalog(contentsOf: root.appending(path: "topics.json").path)
        let names =
            [
                Topic.results, Topic.retries, Topic.cancellations, Topic.certificates, Topic.heartbeats, Topic.controls,
                Topic.deadLetters, Topic.shadows, Topic.catalog,
            ] + Lane.allCases.flatMap { Topic.all($0, of: Catalog.builtIn.capabilities.map(\.name)) }
        #expect(Set(catalog.entries.map(\.name)) == Set(names))
        for entry in catalog.entries {
            #expect(!entry.why.isEmpty)
            // A compacted topic keeps the last record of each key.
            let isCompacted = [Topic.certificates, Topic.catalog].contains(entry.name)
            #expect((entry.configuration["cleanup.policy"] == "compact") == isCompacted)
            #expect((entry.configuration["retention.ms"] == nil) == isCompacted)
            // Without this limit, a broker accepts a batch of 1 MB that unpacks to a gigabyte.
            let isBounded =
                entry.configuration["compression.type"] == "uncompressed"
                && entry.configuration["max.message.bytes"] == "\(Limits.recordBytes)"
            #expect(isBounded || !Topic.isOpenToIntegrators(entry.name))
        }
    }

    @Test(arguments: ["", "[]", #"{"topics":[{"name":"a_b","partitions":1}]}"#, #"{"topics":[{"name":"a"}]}"#])
    func `a catalog that cannot be used is refused`(json: String) {
        let error = #expect(throws: MessageBusError.self) { try TopicCatalog(json: Array(json.utf8)) }
        #expect(error?.code == .configuration)
    }
}
