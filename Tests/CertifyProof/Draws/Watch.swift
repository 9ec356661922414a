import Certification

/// Simulates the watch over a certificate with many tenants, some of them hostile, and counts who loses it.
///
/// Evaluates it whenever an answer differs, because evidence grows only then.
struct Watch {
    static let alpha = 0.01
    static let delta = 0.05

    /// The traffic of a tenant.
    struct Tenant {
        /// The tenant's share of all compared texts.
        var share: Double
        /// The share of its texts whose answers differ.
        var rate: Double
        /// Whether it always sends the same text, of which only the first comparison is informative.
        var repeats = false
    }

    /// The results of many runs of one scenario.
    struct Score {
        var runs = 0
        /// Runs in which the certificate was revoked for everybody.
        var everybody = 0
        /// Runs in which the certificate was revoked for a tenant whose texts keep the promise.
        var wronged = 0
        /// Runs in which it was revoked for every tenant whose texts break the promise.
        var found = 0
        /// Runs in which one bound over all comparisons would revoke. It ignores tenants and counts repeated texts.
        var pooled = 0
        /// Compared texts until every tenant that breaks the promise was detected, or the certificate was revoked for
        /// everybody.
        var texts = 0

        func share(_ count: Int) -> Double { Double(count) / Double(runs) }
    }

    let name: String
    let tenants: [Tenant]
    let comparisons: Int
    /// Whether all tenants except hostile ones keep the promise, so that no other tenant may lose the certificate.
    let isKept: Bool

    static let scenarios = [
        Watch(
            name: "ten tenants that just keep the promise",
            tenants: (1...10).map { Tenant(share: 1 / Double($0), rate: alpha) }, comparisons: 5_000, isKept: true),
        Watch(
            name: "one sentence that differs, sent 4,000 times",
            tenants: [Tenant(share: 0.8, rate: 1, repeats: true)]
                + (1...9).map { _ in Tenant(share: 0.2 / 9, rate: 0.002) },
            comparisons: 5_000, isKept: true),
        Watch(
            name: "4,000 sentences that differ, from one tenant",
            tenants: [Tenant(share: 0.8, rate: 1)] + (1...9).map { _ in Tenant(share: 0.2 / 9, rate: alpha) },
            comparisons: 5_000, isKept: true),
        Watch(
            name: "a big easy tenant beside one that drifts",
            tenants: [Tenant(share: 0.95, rate: 0), Tenant(share: 0.05, rate: 0.1)], comparisons: 10_000, isKept: true),
        Watch(
            name: "all of ten tenants drift",
            tenants: (1...10).map { Tenant(share: 1 / Double($0), rate: 0.05) }, comparisons: 10_000, isKept: false),
    ]

    /// Whether a tenant's texts break the promise in a way that can be detected.
    var hasDrift: Bool { tenants.contains { $0.rate > Self.alpha && !$0.repeats } }

    func play(runs: Int, seed: UInt64) -> Score {
        var generator = SeededGenerator(seed: seed)
        var score = Score()
        for _ in 0..<runs { play(into: &score, using: &generator) }
        return score
    }

    private func play(into score: inout Score, using generator: inout SeededGenerator) {
        let watch = PromiseWatch(alpha: Self.alpha, delta: Self.delta)
        let total = tenants.reduce(0) { $0 + $1.share }
        var tallies = [Tally](repeating: Tally(), count: tenants.count)
        var positions: [Int] = Array(repeating: 0, count: tenants.count)
        var (revoked, everybody, pooled) = (Set<Int>(), false, false)
        var all = Tally()
        let drifting = Set(tenants.indices.filter { tenants[$0].rate > Self.alpha && !tenants[$0].repeats })
        var texts: Int?
        for count in 1...comparisons {
            var place = Double.random(in: 0..<total, using: &generator)
            let tenant =
                tenants.firstIndex {
                    place -= $0.share; return place < 0
                } ?? 0
            let differs = Double.random(in: 0..<1, using: &generator) < tenants[tenant].rate
            all.accepted += 1
            if differs { all.disagreements += 1 }
            pooled = pooled || (differs && Self.rate(all).exceeds(Self.alpha, confidence: 1 - Self.delta))
            // Its texts escalate from now on, so there are no more comparisons.
            guard !everybody, !revoked.contains(tenant) else { continue }
            if positions[tenant] == 0 { positions[tenant] = (positions.max() ?? 0) + 1 }
            if !tenants[tenant].repeats || tallies[tenant].accepted == 0 {
                tallies[tenant].accepted += 1
                if differs { tallies[tenant].disagreements += 1 }
            }
            guard differs else { continue }
            let samples = tallies.indices.filter { positions[$0] > 0 }.map { index in
                let rate = Self.rate(tallies[index])
                return (index, PromiseWatch.Sample(position: positions[index], own: rate, novel: rate))
            }
            for (index, sample) in samples where index == tenant && watch.isBroken(for: sample) {
                revoked.insert(index)
            }
            everybody = watch.isBrokenForAll(samples.map(\.1))
            if texts == nil, everybody || (!drifting.isEmpty && revoked.isSuperset(of: drifting)) { texts = count }
        }
        score.runs += 1
        score.everybody += everybody ? 1 : 0
        score.pooled += pooled ? 1 : 0
        score.wronged += revoked.isSubset(of: drifting) ? 0 : 1
        score.found += everybody || revoked.isSuperset(of: drifting) ? 1 : 0
        score.texts += texts ?? comparisons
    }

    private static func rate(_ tally: Tally) -> SampledRate {
        SampledRate([.init(probability: 0.01, tally: tally)])
    }

    /// Whether a tenant lost the certificate wrongly more often than δ, beyond the random error of so few runs, or
    /// drift was missed.
    func isBroken(_ score: Score) -> Bool {
        let wrong = isKept ? max(score.everybody, score.wronged) : 0
        let missed = score.runs - score.found
        return ClopperPearson.lower(wrong, of: score.runs, confidence: 0.999) > Self.delta
            || ClopperPearson.lower(missed, of: score.runs, confidence: 0.999) > Self.delta
    }
}
