import BuiltInCatalog
import Contracts
import MessageBus
import Telemetry
import TestKit
import Testing
import WorkerKit

/// Tests which answers also go to the full model for comparison.
extension StepHandlerTests {
    private func shadows(
        _ steps: Int, probability: Double, acceptThreshold: Double? = 0.9,
        items: (Int) -> [String] = { _ in ["?a", "b", "c"] }
    ) async throws -> [OutgoingRecord] {
        let handler = StepHandler(
            service: "legal-services-worker", classifier: classifier,
            certificates: KnownCertificates(acceptThreshold: acceptThreshold),
            counterfactual: try Tree.counterfactual(),
            draw: ShadowDraw(probability), catalog: .builtIn, metrics: metrics)
        let emitted = try await handler.handle(
            (0..<steps).map { step in
                .step(
                    StepCommand(step: 2, route: Self.clause, items: items(step)), of: .numbered(UInt64(step)),
                    expiry: .now.adding(milliseconds: 60_000))
            })
        #expect(emitted.filter { $0.topic == Topic.escalations(.interactive) }.count == steps)
        return emitted.filter { $0.topic == Topic.shadows }
    }

    @Test func `drawn items go to the full model too, with all that the comparison needs`()
        async throws
    {
        let record = try #require(try await shadows(1, probability: 1).first)
        let shadow = try record.shadow()
        #expect(try record.event().id == "\(Request.ID.numbered(0))/2/shadow")
        // A comparison is useful after the deadline too.
        #expect(try record.event().expiryTime == nil)
        #expect(shadow.items.map(\.index) == [1, 2])
        #expect(shadow.items.map(\.text) == ["b", "c"])
        #expect(shadow.items.map(\.output.label) == ["clause-type of b", "clause-type of c"])
        #expect(shadow.items.map(\.confidence) == [0.99, 0.99])
        #expect(shadow.certificate == Certificate.of(Self.clause).id)
        #expect(shadow.tieShare == Certificate.of(Self.clause).tieShare && shadow.tieShare < 1)
        #expect(shadow.smallModel == "small@7" && shadow.route == Self.clause && shadow.probability == 1)
        #expect(metrics.render().contains("\nwinnow_items_shadowed_total 2\n"))
    }

    @Test func `a share of the texts is drawn, the same one when the steps come again`() async throws {
        let items = { (step: Int) in ["?a", "b\(step)", "c\(step)"] }
        let drawn = try await shadows(2_000, probability: 0.25, items: items)
        let count = try drawn.reduce(0) { $0 + (try $1.shadow().items.count) }
        // A quarter of 4,000 texts, within five standard deviations.
        #expect((863...1137).contains(count))
        let again = try await shadows(2_000, probability: 0.25, items: items)
        #expect(try again.map { try $0.shadow().items } == drawn.map { try $0.shadow().items })
        #expect(try await shadows(2_000, probability: 0, items: items).isEmpty)
    }

    @Test func `a secret decides which texts are drawn`() {
        let texts = (0..<100).map { "text \($0)" }
        let drawn = [ShadowDraw(0.5), ShadowDraw(0.5, seed: 1)].map { draw in
            texts.map { draw.takes($0, of: Self.clause) }
        }
        #expect(drawn[0] != drawn[1])
    }

    @Test func `a text is drawn always or never`() async throws {
        for text in 0..<20 {
            let drawn = try await shadows(10, probability: 0.5) { _ in ["?a", "text \(text)"] }
            #expect(drawn.isEmpty || drawn.count == 10)
        }
    }

    @Test func `where no certificate holds nothing was answered, and nothing is drawn`() async throws {
        #expect(try await shadows(5, probability: 1, acceptThreshold: nil).isEmpty)
    }
}
