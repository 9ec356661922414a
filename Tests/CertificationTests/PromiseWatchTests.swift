import Certification
import Testing

@Suite struct PromiseWatchTests {
    private static let watch = PromiseWatch(alpha: 0.01, delta: 0.05)

    private static func rate(_ disagreements: Int, of items: Int) -> SampledRate {
        SampledRate([.init(probability: 0.01, tally: Tally(accepted: items, disagreements: disagreements))])
    }

    private static func sample(_ disagreements: Int, of items: Int, position: Int = 1) -> PromiseWatch.Sample {
        .init(position: position, own: rate(disagreements, of: items), novel: rate(disagreements, of: items))
    }

    @Test func `without comparisons no promise is broken`() {
        #expect(!Self.watch.isBroken(for: Self.sample(0, of: 0)))
        #expect(!Self.watch.isBrokenForAll([]))
        #expect(!Self.watch.isBrokenForAll([Self.sample(0, of: 0)]))
    }

    @Test func `a tenant whose answers differ is found, and a later one needs more evidence`() {
        #expect(Self.watch.isBroken(for: Self.sample(14, of: 200)))
        #expect(!Self.watch.isBroken(for: Self.sample(14, of: 200, position: 1000)))
        #expect(Self.watch.isBroken(for: Self.sample(20, of: 200, position: 1000)))
        #expect(!Self.watch.isBroken(for: Self.sample(2, of: 200)))
    }

    @Test func `one tenant alone never revokes for everybody, whatever it sends`() {
        let attacker = Self.sample(100_000, of: 100_000)
        #expect(Self.watch.isBroken(for: attacker))
        #expect(!Self.watch.isBrokenForAll([attacker]))
        #expect(!Self.watch.isBrokenForAll([attacker] + (2...20).map { Self.sample(1, of: 200, position: $0) }))
    }

    @Test func `if all tenants drift, the promise is broken for everybody`() {
        let drifted = (1...6).map { Self.sample(20, of: 200, position: $0) }
        #expect(Self.watch.isBrokenForAll(drifted))
        #expect(!Self.watch.isBrokenForAll(drifted.prefix(3)))
        // Many tenants without drift outweigh a few with drift.
        #expect(!Self.watch.isBrokenForAll(drifted + (7...60).map { Self.sample(0, of: 400, position: $0) }))
    }

    @Test func `a large tenant that agrees does not hide the drift of another one`() {
        let big = Self.sample(100, of: 100_000)
        let small = Self.sample(12, of: 100, position: 2)
        #expect(Self.watch.isBroken(for: small))
        #expect(!Self.watch.isBroken(for: big))
        #expect(!Self.rate(112, of: 100_100).exceeds(0.01, confidence: 0.95))
    }

    /// Ten tenants that only just keep the promise, evaluated after every text.
    @Test func `the probability that a kept promise is revoked for anybody is at most delta`() {
        var generator = SeededGenerator(seed: 11)
        let watch = PromiseWatch(alpha: 0.02, delta: 0.1)
        var misled = 0
        let runs = 200
        for _ in 0..<runs {
            var tallies = [Tally](repeating: Tally(), count: 10)
            var isMisled = false
            for _ in 0..<2_000 where !isMisled {
                // The first tenant sends half of all texts.
                let tenant = Bool.random(using: &generator) ? 0 : Int.random(in: 1...9, using: &generator)
                tallies[tenant].accepted += 1
                guard Double.random(in: 0..<1, using: &generator) < 0.02 else { continue }
                tallies[tenant].disagreements += 1
                let samples = tallies.enumerated().map { place, tally in
                    let rate = SampledRate([.init(probability: 0.01, tally: tally)])
                    return PromiseWatch.Sample(position: place + 1, own: rate, novel: rate)
                }
                isMisled = watch.isBroken(for: samples[tenant]) || watch.isBrokenForAll(samples)
            }
            misled += isMisled ? 1 : 0
        }
        // At most one in ten. Two standard deviations of 200 runs are 4 in a hundred.
        #expect(misled <= 28)
    }
}
