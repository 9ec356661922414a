import BuiltInCatalog
import Contracts
import Delivery
import MessageBus
import Planning
import Telemetry
import TestKit
import Testing
import WorkerKit

/// A task may have a certificate for each of its tiers.
struct TierCertificateTests {
    private static let clause = Route(.legalServices, "clause-type")
    private static let tenant = TenantID(rawValue: "acme")

    private let metrics = Metrics()

    private func follower(
        _ tier: Answer.DecidedBy, _ model: String, _ published: PublishedCertificates
    ) -> CertificateFollower {
        CertificateFollower(
            models: [
                Self.clause: ModelPair(
                    small: ModelIdentity(name: model, version: "7"), full: ModelIdentity(name: "full", version: "1"))
            ], tier: tier, published: published, logger: .silent, metrics: metrics)
    }

    private static func record(_ certificates: [Certificate], offset: Int64) -> Record {
        let standing = StandingCertificates(route: clause, certificates: certificates)
        let event = CloudEvent(
            id: "\(offset)", type: EventType.certificate, source: "/winnow/test", data: standing.encode())
        return Record(event.record(topic: Topic.certificates, key: Array(clause.description.utf8)), offset: offset)
    }

    @Test(arguments: [[0, 1], [0], [1], []])
    func `each tier has its own certificate, and the end of one is none of the other's`(left: [Int]) async throws {
        let all = [
            Certificate.of(Self.clause, id: 1, small: "small@7", acceptThreshold: 0.8),
            Certificate.of(Self.clause, id: 2, small: "middle@7", acceptThreshold: 0.9),
        ]
        let reader = ScriptedReader(backlog: [Topic.certificates: 2])
        let topics = TopicFollower.reading(reader)
        let published = PublishedCertificates(topics)
        let small = follower(.worker, "small", published), middle = follower(.middle, "middle", published)
        reader.write([Self.record(all, offset: 0), Self.record(left.map { all[$0] }, offset: 1)])
        try await topics.whileRunning {
            await small.prepare()
            let thresholds = [small, middle].map { $0.certificate(Self.clause, for: Self.tenant)?.acceptThreshold }
            #expect(thresholds == [left.contains(0) ? 0.8 : nil, left.contains(1) ? 0.9 : nil])
            let labels = #"capability="legal-services",task="clause-type""#
            let text = metrics.render()
            #expect(text.contains("winnow_certificate_valid{\(labels)} \(left.contains(0) ? 1 : 0)"))
            #expect(text.contains(#"winnow_certificate_valid{\#(labels),tier="middle"} \#(left.contains(1) ? 1 : 0)"#))
        }
    }
}
