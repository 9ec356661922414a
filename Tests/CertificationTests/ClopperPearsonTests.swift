import Testing

@testable import Certification

struct ClopperPearsonTests {
    struct Published: Sendable {
        var successes: Int
        var trials: Int
        var confidence: Double
        var low: Double?
        var high: Double?
    }

    /// - Source: R 4, `example(binom.test)`: `binom.test(682, 925)`; `binom.test(7, 20)`; SciPy 1.11, `binomtest(3, 15,
    ///   alternative='greater')`. R's intervals are two-sided at 95%, so each end is one-sided at 97.5%.
    static let published = [
        Published(successes: 682, trials: 925, confidence: 0.975, low: 0.7076683, high: 0.7654066),
        Published(successes: 7, trials: 20, confidence: 0.975, low: 0.1539092, high: 0.5921885),
        Published(successes: 3, trials: 15, confidence: 0.95, low: 0.0568469, high: nil),
    ]

    @Test(arguments: published)
    func `the bounds are those that are published`(_ published: Published) {
        let (successes, trials, confidence) = (published.successes, published.trials, published.confidence)
        if let low = published.low {
            #expect(abs(ClopperPearson.lower(successes, of: trials, confidence: confidence) - low) < 1e-7)
        }
        if let high = published.high {
            #expect(abs(ClopperPearson.upper(successes, of: trials, confidence: confidence) - high) < 1e-7)
        }
    }

    @Test func `without a success the bound has a closed form, and 299 items show one per cent`() {
        #expect(abs(ClopperPearson.upper(0, of: 299, confidence: 0.95) - 0.009_969_146_792_899) < 1e-12)
        for (successes, trials) in [(0, 299), (1, 473)] {
            #expect(ClopperPearson.isBelow(0.01, successes, of: trials, confidence: 0.95))
            #expect(!ClopperPearson.isBelow(0.01, successes, of: trials - 1, confidence: 0.95))
        }
    }

    @Test func `the ends are 0 and 1`() {
        #expect(ClopperPearson.lower(0, of: 10, confidence: 0.95) == 0)
        #expect(ClopperPearson.upper(10, of: 10, confidence: 0.95) == 1)
        #expect(ClopperPearson.upper(0, of: 0, confidence: 0.95) == 1)
        #expect(!ClopperPearson.isBelow(0.5, 0, of: 0, confidence: 0.95))
    }

    @Test func `more successes raise the bound, more trials lower it, more confidence raises it`() {
        for trials in [20, 300, 3000] {
            for successes in 0..<10 {
                let bound = ClopperPearson.upper(successes, of: trials, confidence: 0.95)
                #expect(bound < ClopperPearson.upper(successes + 1, of: trials, confidence: 0.95))
                #expect(bound > ClopperPearson.upper(successes, of: trials + 1, confidence: 0.95))
                #expect(bound < ClopperPearson.upper(successes, of: trials, confidence: 0.99))
                #expect(ClopperPearson.isBelow(bound + 1e-9, successes, of: trials, confidence: 0.95))
                #expect(!ClopperPearson.isBelow(bound - 1e-9, successes, of: trials, confidence: 0.95))
            }
        }
    }

    /// Sums of exact fractions.
    @Test(arguments: [
        (0.3, 3.0, 8.0, 0.617_217_213_6), (0.5, 50, 51, 0.539_794_618_693_589_4),
        (0.01, 30, 2971, 0.524_648_301_338_870_1),
    ])
    func `the incomplete beta function is the binomial's tail`(x: Double, a: Double, b: Double, expected: Double) {
        #expect(abs(IncompleteBeta.regularized(x, a, b) - expected) < 1e-11)
        #expect(abs(IncompleteBeta.regularized(1 - x, b, a) - (1 - expected)) < 1e-11)
    }

    @Test func `the bound covers the proportion as often as it says`() {
        var generator = SeededGenerator(seed: 7)
        for proportion in [0.003, 0.01, 0.05] {
            let misses = (0..<2000).count { _ in
                let successes = (0..<500).count { _ in Double.random(in: 0..<1, using: &generator) < proportion }
                return ClopperPearson.upper(successes, of: 500, confidence: 0.95) < proportion
            }
            #expect(ClopperPearson.lower(misses, of: 2000, confidence: 0.999) <= 0.05)
        }
    }
}
