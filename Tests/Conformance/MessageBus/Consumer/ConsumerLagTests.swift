import MessageBus
import Telemetry
import Testing

@testable import KafkaBus

struct ConsumerLagTests {
    @Test func `the lag of tenants' own topics is their sum, partition by partition, and follows each of them`() {
        let metrics = Metrics()
        let lag = ConsumerLag(group: "g", metrics: metrics)
        func set(_ count: Int, _ topic: String, _ partition: Int32 = 0) {
            lag.set(count, TopicPartition(topic: topic, partition: partition))
        }
        func shown(_ partition: Int = 0, of topic: String = "winnow.requests.v1") -> String? {
            let series = #"lag{group_id="g",topic_name="\#(topic)",partition_id="\#(partition)"} "#
            return metrics.render().split(separator: "\n").first { $0.contains(series) }?.split(separator: " ").last
                .map(String.init)
        }
        set(3, "winnow.requests.acme.v1")
        set(4, "winnow.requests.globex.v1")
        set(5, "winnow.requests.acme.v1", 1)
        set(9, "winnow.outcomes.v1")
        #expect([shown(), shown(1), shown(of: "winnow.outcomes.v1")] == ["7", "5", "9"])
        set(1, "winnow.requests.acme.v1")
        set(0, "winnow.requests.globex.v1")
        #expect([shown(), shown(1), shown(of: "winnow.outcomes.v1")] == ["1", "5", "9"])
    }
}
