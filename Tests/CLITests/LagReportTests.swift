import BuiltInCatalog
import Contracts
import KafkaBus
import MessageBus
import Testing

@testable import CLI

struct LagReportTests {
    private static let now = Timestamp(milliseconds: 1_790_000_000_000)

    private func look(committed: Int64?, beginning: Int64 = 0, end: Int64, age seconds: Int64? = nil) -> [PartitionLag]
    {
        [
            PartitionLag(
                partition: TopicPartition(topic: "a", partition: 0), committed: committed, beginning: beginning,
                end: end,
                oldest: seconds.map { Self.now.adding(milliseconds: -1000 * $0) })
        ]
    }

    private func report(
        _ first: [PartitionLag], _ second: [PartitionLag] = [], in lane: Lane = .interactive
    ) -> LagReport {
        LagReport(
            loop: .init(name: "escalator", topics: ["a"], lane: lane), first: first, second: second, now: Self.now)
    }

    @Test func `a group that has read everything is fine`() {
        let report = report(look(committed: 9, end: 9))
        #expect(!report.needsSecondLook)
        #expect(report.finding.verdict == .good)
    }

    @Test func `many records that wait for a moment are fine, one that waits for minutes is not`() {
        let many = report(look(committed: 0, end: 100_000, age: 59))
        #expect(!many.needsSecondLook)
        #expect(many.finding.verdict == .good)
        let one = report(look(committed: 0, end: 1, age: 60), look(committed: 0, end: 1))
        #expect(one.needsSecondLook)
        #expect(one.finding.verdict == .bad)
        #expect(one.finding.finding == "no progress: 1 records wait, the oldest for 60 s")
    }

    @Test func `a group that is behind and moves wants more processes, and in the bulk lane nothing`() {
        let (before, after) = (look(committed: 5, end: 900, age: 700), look(committed: 6, end: 900))
        #expect(report(before, after).finding.verdict == .doubtful)
        #expect(report(before, after, in: .bulk).finding.verdict == .good)
        #expect(report(before, before, in: .bulk).finding.verdict == .doubtful)
    }

    @Test func `a group that never committed and one whose records cannot be read are looked at twice`() {
        #expect(report(look(committed: nil, end: 3)).needsSecondLook)
        #expect(report(look(committed: nil, end: 3), look(committed: 1, end: 3)).finding.verdict == .doubtful)
        #expect(report(look(committed: nil, end: 3), look(committed: nil, end: 3)).finding.verdict == .bad)
    }

    @Test func `records that the broker dropped unread are told first`() {
        let finding = report(look(committed: 5, beginning: 12, end: 12)).finding
        #expect(finding.verdict == .bad)
        #expect(finding.finding == "7 records were dropped by the broker before they were read")
        #expect(report(look(committed: 12, beginning: 12, end: 12)).finding.verdict == .good)
    }

    @Test func `every delivery loop is looked at`() {
        let loops = LagReport.loops(.builtIn)
        #expect(Set(loops.map(\.name)).count == loops.count)
        let perLane = Lane.allCases.flatMap { Topic.all($0, of: Catalog.builtIn.capabilities.map(\.name)) }
        #expect(Set(loops.flatMap(\.topics)) == Set(perLane + [Topic.shadows, Topic.heartbeats, Topic.retries]))
        for lane in Lane.allCases {
            #expect(loops.contains { $0.topics.contains(Topic.retriedRequests(lane)) && $0.lane == lane })
        }
        // Producers wait for these same groups.
        for loop in loops {
            for topic in loop.topics {
                let group = ConsumerGroup.reading(topic)
                #expect(group == nil || group == ConsumerGroup.name(of: loop.name), "\(topic)")
            }
        }
    }

    @Test func `request topics of tenants are looked at apart, for the group that reads them`() {
        let loops = LagReport.loops(.builtIn, tenants: [TenantID(rawValue: "b"), TenantID(rawValue: "a")])
            .filter { $0.part != nil }
        #expect(
            loops.map(\.check) == [
                "lag of decomposer, topics of tenants", "lag of decomposer.bulk, topics of tenants",
            ])
        #expect(loops.first?.topics == ["winnow.requests.a.v1", "winnow.requests.b.v1"])
        #expect(loops.last?.topics == ["winnow.bulk-requests.a.v1", "winnow.bulk-requests.b.v1"])
        for loop in loops {
            for topic in loop.topics { #expect(ConsumerGroup.reading(topic) == ConsumerGroup.name(of: loop.name)) }
        }
    }

    @Test func `a broker that refuses the password gets other advice than one that is away`() {
        let refusal = MessageBusError(.authentication, "refused", isRetriable: true)
        let absence = MessageBusError(.unavailable, "away", isRetriable: true)
        #expect(DoctorVerb.advice(on: refusal).contains("KAFKA_CONF_SASL"))
        #expect(DoctorVerb.advice(on: absence).contains("make up"))
    }
}
