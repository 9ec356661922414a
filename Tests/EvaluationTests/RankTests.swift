import BuiltInCatalog
import Certification
import Contracts
import Store
import Testing

@testable import Evaluation

struct RankTests {
    private static func use(
        _ task: String, items: Int64 = 1000, escalated: Int64, cost: Int64, guessed: Int64 = 0, agreed: Int64 = 0,
        isCertified: Bool = false
    ) -> TaskUse {
        TaskUse(
            route: Route(.legalServices, task), items: items, escalatedItems: escalated,
            escalationCost: PicoDollars(cost), guessedItems: guessed, agreedItems: agreed, isCertified: isCertified)
    }

    @Test func `first comes what saves most at least`() {
        let ranked = Prospect.ranked([
            Self.use("settled", escalated: 0, cost: 0),
            // The same rate over four items is weak evidence.
            Self.use("hopeful", escalated: 900, cost: 1_000_000, guessed: 4, agreed: 4),
            Self.use("sure", escalated: 900, cost: 900_000, guessed: 900, agreed: 810),
            Self.use("unknown", escalated: 900, cost: 2_000_000),
        ])
        #expect(ranked.map(\.use.route.task) == ["sure", "hopeful", "unknown", "settled"])
        let sure = ranked[0]
        #expect(abs(sure.saving.value - 810_000) < 1e-6)
        #expect(sure.saving.low > 780_000 && sure.saving.high < 840_000)
        #expect(ranked[2].saving.low == 0 && ranked[2].saving.high == 2_000_000 && ranked[2].saving.value.isNaN)
    }

    @Test func `the router is ranked by what it guessed right, as every small model is`() {
        var router = Self.use("", escalated: 700, cost: 5_000_000, guessed: 700, agreed: 560)
        router.route = .decomposition
        let ranked = Prospect.ranked([
            Self.use("sure", escalated: 900, cost: 900_000, guessed: 900, agreed: 810), router,
        ])
        #expect(ranked.map(\.use.route) == [.decomposition, Route(.legalServices, "sure")])
        #expect(
            ranked[0].reason
                == "the router passes 70.0% of its items to the full model; the router had 80.0% of 700 escalated items right: "
                + "cut or distil it again for the others")
    }

    @Test func `the reason says what is known`() {
        func reason(_ use: TaskUse) -> String { Prospect(use).reason }
        #expect(reason(Self.use("a", escalated: 0, cost: 0)).contains("nothing left to save"))
        #expect(reason(Self.use("a", escalated: 1000, cost: 9)).contains("no certificate is valid"))
        #expect(reason(Self.use("a", escalated: 1000, cost: 9)).contains("unknown"))
        let certified = reason(Self.use("a", escalated: 155, cost: 9, guessed: 155, agreed: 93, isCertified: true))
        #expect(
            certified
                == "15.5% of its items escalate despite its certificate; the small model had 60.0% of 155 escalated items right: "
                + "cut or distil it again for the others")
        #expect(
            reason(Self.use("a", escalated: 100, cost: 9, guessed: 100, agreed: 95, isCertified: true))
                .hasSuffix("improve its confidence: calibrate, or certify on more items"))
    }

    /// Points near the corners of a space of many dimensions, each one step to the side.
    private static func points(_ counts: [Int]) -> [[Float]] {
        var generator = SeededGenerator(seed: 5)
        return counts.enumerated().flatMap { corner, count in
            (0..<count).map { _ in
                var point = (0..<32).map { _ in Float.random(in: -0.05...0.05, using: &generator) }
                point[corner] = 1
                let length = point.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return point.map { $0 / length }
            }
        }
    }

    @Test func `groups are found, the largest first, and what is too small is none`() {
        let clusters = Clusters(of: Self.points([12, 40, 20, 2]))
        // The pair joins the nearest group.
        #expect(clusters.members.count == 3)
        for (group, corner) in zip(clusters.members, [12..<52, 52..<72, 0..<12]) {
            #expect(Set(group).isSuperset(of: corner))
        }
        #expect(clusters.cohesion.allSatisfy { $0 > 0.6 && $0 <= 1.0001 })
        #expect(Clusters(of: []).members.isEmpty)
        #expect(Clusters(of: Self.points([4])).members.isEmpty)
        // The same points give the same groups.
        #expect(Clusters(of: Self.points([12, 40, 20, 2])).members == clusters.members)
    }

    @Test func `a proposal has its items' cost, and names its examples without their text`() {
        let items = (0..<7).compactMap { index in
            Request.ID("01890000-0000-7000-8000-00000000000\(index)").map {
                UnroutedItem(request: $0, index: index, text: "CANARY", cost: PicoDollars(3), flops: 10)
            }
        }
        let proposal = Proposal(items: items, of: 14, cohesion: 0.8)
        #expect(proposal.cost == PicoDollars(21) && proposal.flops == 70 && proposal.share == 0.5)
        #expect(
            proposal.examples(2) == [
                "01890000-0000-7000-8000-000000000000/0", "01890000-0000-7000-8000-000000000001/1",
            ])
    }
}
