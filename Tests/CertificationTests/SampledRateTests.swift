import Certification
import Testing

@Suite struct SampledRateTests {
    private static func rate(_ disagreements: Int, of items: Int, probability: Double = 0.01) -> SampledRate {
        SampledRate([.init(probability: probability, tally: Tally(accepted: items, disagreements: disagreements))])
    }

    @Test func `an empty sample has no estimate`() {
        let nothing = SampledRate([])
        #expect(nothing.value.isNaN)
        #expect(nothing.interval(confidence: 0.95) == 0...1)
        #expect(!nothing.exceeds(0.01, confidence: 0.95))
    }

    @Test(arguments: [(0, 10), (0, 1000), (3, 1000), (30, 1000), (500, 1000), (1000, 1000)])
    func `the interval holds the estimate and narrows with more items`(disagreements: Int, items: Int) {
        let few = Self.rate(disagreements, of: items), many = Self.rate(20 * disagreements, of: 20 * items)
        let (wide, narrow) = (few.interval(confidence: 0.95), many.interval(confidence: 0.95))
        #expect(wide.contains(few.value) && narrow.contains(many.value))
        #expect(narrow.upperBound - narrow.lowerBound < wide.upperBound - wide.lowerBound)
        #expect(few.interval(confidence: 0.99).upperBound >= wide.upperBound)
    }

    @Test func `an item counts by the inverse of the probability with which it was drawn`() {
        // Strata of 1,000 and of 100 items: one in a hundred is drawn, and one in two.
        let rate = SampledRate([
            .init(probability: 0.1, tally: Tally(accepted: 100, disagreements: 1)),
            .init(probability: 1, tally: Tally(accepted: 100, disagreements: 50)),
        ])
        #expect(abs(rate.value - 60.0 / 1100) < 1e-12)
        #expect(rate.interval(confidence: 0.95).contains(rate.value))
        #expect(rate.items == 200 && rate.disagreements == 51)
    }

    @Test func `drift far beyond the promise is seen in some hundred items`() {
        #expect(!Self.rate(1, of: 20).exceeds(0.01, confidence: 0.95))
        #expect(Self.rate(20, of: 200).exceeds(0.01, confidence: 0.95))
        #expect(!Self.rate(2, of: 200).exceeds(0.01, confidence: 0.95))
    }

    /// Evaluated after every item, like a watch: a bound for a single look would be violated far more often.
    @Test func `looking after every item errs no more often than promised`() {
        var generator = SeededGenerator(seed: 7)
        let runs = 200, items = 1_500, promised = 0.01
        var misled = 0, uncovered = 0
        for _ in 0..<runs {
            var tally = Tally()
            var isMisled = false, isUncovered = false
            for item in 1...items {
                tally.accepted += 1
                if Double.random(in: 0..<1, using: &generator) < promised { tally.disagreements += 1 }
                // Evidence grows only when an item disagrees, and intervals are expensive.
                guard tally.disagreements > 0 else { continue }
                let rate = SampledRate([.init(probability: 0.5, tally: tally)])
                if rate.exceeds(promised, confidence: 0.9) { isMisled = true }
                if item % 100 == 0, !rate.interval(confidence: 0.9).contains(promised) { isUncovered = true }
            }
            misled += isMisled ? 1 : 0
            uncovered += isUncovered ? 1 : 0
        }
        // At most one in ten. Two standard deviations of 200 runs are 4 in a hundred.
        #expect(misled <= 28)
        #expect(uncovered <= 28)
    }
}
