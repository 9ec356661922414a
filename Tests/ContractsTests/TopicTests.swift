import BuiltInCatalog
import Contracts
import Testing

@Suite struct TopicTests {
    @Test func `a plain name stands in its topics as it is`() {
        let tenant = TenantID(rawValue: "Acme-7")
        #expect(Topic.requests(.interactive, of: tenant) == "winnow.requests.Acme-7.v1")
        #expect(Topic.requests(.bulk, of: tenant) == "winnow.bulk-requests.Acme-7.v1")
        #expect(Topic.results(of: tenant) == "winnow.results.Acme-7.v1")
    }

    @Test func `no two tenants have one topic, and every topic is a legal one`() {
        let names = [
            "a", "A", "a.v1", "a_b", "a.b", "a b", "x--61", "x--", "x-", "é", "e\u{301}", "\u{0}", "*", "v1", "../a",
            String(repeating: "a", count: 64), String(repeating: "a", count: 65), String(repeating: "ä", count: 50),
        ]
        let tenants = names.map { TenantID(rawValue: $0) }
        for topics in [
            tenants.compactMap { Topic.results(of: $0) }, tenants.compactMap { Topic.requests(.bulk, of: $0) },
        ] {
            #expect(topics.count == names.count)
            #expect(Set(topics.map { Array($0.utf8) }).count == names.count)
            for topic in topics {
                #expect(topic.utf8.count <= 249)
                #expect(topic.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") })
                #expect(Topic.isOwn(topic))
            }
        }
    }

    @Test func `a name that is too long, and the default tenant, have no topics of their own`() {
        #expect(Topic.results(of: TenantID(rawValue: String(repeating: "a", count: 101))) == nil)
        #expect(Topic.results(of: TenantID(rawValue: "")) == nil)
        #expect(Topic.results(of: .default) == nil)
    }

    @Test func `records go back to request topics of tenants, and to no other topic that looks like one`() {
        for topic in ["winnow.requests.a.v1", "winnow.bulk-requests.x--00.v1", Topic.requests(.bulk)] {
            #expect(Topic.isProcessed(topic))
            #expect(Lane(topic: topic) == (topic.contains("bulk") ? .bulk : .interactive))
        }
        for topic in [
            "winnow.results.a.v1", "winnow.requests.a.v2", "winnow.requests..v1", "winnow.requestsa.v1", "a",
            "winnow.steps..v1", "winnow.steps.a.v2", "winnow.steps.A.v1", "winnow.steps.1a.v1", "winnow.steps.a.b.v1",
            "winnow.steps.decomposition.v1",
        ] {
            #expect(!Topic.isProcessed(topic))
        }
        #expect(!Topic.isOwn(Topic.results) && !Topic.isOwn(Topic.requests(.interactive)))
    }

    @Test func `a topic of Winnow's own is named in metrics, and none that a header made up`() {
        #expect(Topic.label(Topic.requests(.bulk)) == "winnow.bulk-requests.v1")
        #expect(Topic.label(Topic.retries) == Topic.retries)
        #expect(Topic.label("made-up") == "other")
    }

    @Test func `a topic of a tenant's own counts as the shared one, and names no tenant`() {
        let tenant = TenantID(rawValue: "acme")
        for lane in Lane.allCases {
            #expect(Topic.requests(lane, of: tenant).map(Topic.label) == Topic.requests(lane))
        }
        #expect(Topic.results(of: tenant).map(Topic.sharedName) == Topic.results)
        #expect(Topic.sharedName(of: Topic.certificates) == Topic.certificates)
        // Like the shared topic of results.
        #expect(Topic.results(of: tenant).map(Topic.label) == Topic.label(Topic.results))
    }

    @Test func `every topic of commands has one group that must read it whole, and no other topic has`() {
        let samples: Set = [Topic.shadows, Topic.heartbeats]
        let commands = Lane.allCases.flatMap { Topic.all($0, of: [.legalServices, Capability(rawValue: "new-1")]) }
        for topic in commands + [Topic.retries] {
            #expect(ConsumerGroup.reading(topic) != nil, "\(topic)")
        }
        let unbounded = samples.union([Topic.results, Topic.deadLetters, "winnow.results.acme.v1", "a"])
            .union(Topic.signed)
        for topic in unbounded { #expect(ConsumerGroup.reading(topic) == nil, "\(topic)") }
        #expect(ConsumerGroup.reading(Topic.retriedRequests(.bulk)) == "winnow.decomposer.bulk")
        #expect(ConsumerGroup.reading("winnow.requests.acme.v1") == "winnow.decomposer")
        #expect(ConsumerGroup.reading(Topic.steps(.legalServices, .bulk)) == "winnow.legal-services-worker.bulk")
        #expect(ConsumerGroup.reading(Topic.outcomes(.interactive)) == "winnow.aggregator")
    }
}
