import Testing

@testable import Certification
import Contracts

struct CertifierTests {
    /// Items with confidences spread evenly between a half and one, and a rate of disagreement that depends on them.
    private func items(
        _ count: Int, using generator: inout SeededGenerator, rate: (Double) -> Double
    ) -> [Observation] {
        (0..<count).map { _ in
            let confidence = Double.random(in: 0.5..<1, using: &generator)
            return Observation(
                hash: generator.next(), confidence: confidence,
                agrees: Double.random(in: 0..<1, using: &generator) >= rate(confidence))
        }
    }

    private func promise(_ agreement: Double) throws -> Promise {
        try #require(Promise(agreement: agreement, confidence: 0.95))
    }

    @Test func `a model that agrees above some confidence is certified down to this confidence`() throws {
        var generator = SeededGenerator(seed: 1)
        let items = items(4000, using: &generator) { $0 > 0.7 ? 0.001 : 0.3 }
        guard case .certified(let found) = Certifier(try promise(0.99)).certify(items) else {
            Issue.record("refused")
            return
        }
        #expect((0.65...0.8).contains(found.acceptThreshold))
        #expect(found.bound <= 0.01)
        #expect(found.fitted + found.items == 4000)
        #expect((300...500).contains(found.fitted))
        let bounding = items.filter { $0.hash % 10 != 0 && $0.confidence >= found.acceptThreshold }
        #expect(found.tally == Tally(accepted: bounding.count, disagreements: bounding.count { !$0.agrees }))
        #expect(abs(Temperature(found.temperature).confidence(of: found.threshold) - found.acceptThreshold) < 1e-12)
        #expect(found.accuracyLoss == nil)
    }

    @Test func `the order of the items does not matter`() throws {
        var generator = SeededGenerator(seed: 2)
        let items = items(2000, using: &generator) { ($0 - 1) * ($0 - 1) / 4 }
        let certifier = Certifier(try promise(0.99))
        #expect(certifier.certify(items) == certifier.certify(items.shuffled(using: &generator)))
    }

    @Test func `the items of the bound do not influence the temperature`() throws {
        var generator = SeededGenerator(seed: 3)
        let fitting = items(300, using: &generator) { _ in 0.001 }
        let certifier = Certifier(try promise(0.99))
        let good = items(2000, using: &generator) { _ in 0 }
        let bad = good.map { Observation(hash: $0.hash, confidence: $0.confidence, agrees: false) }
        guard case .certified(let certified) = certifier.certify(fitting: fitting, bounding: good),
            case .refused(let refused) = certifier.certify(fitting: fitting, bounding: bad)
        else {
            Issue.record("wrong findings")
            return
        }
        #expect(certified.temperature == Temperature(fitting: fitting).value)
        #expect(refused.tally.disagreements == refused.tally.accepted)
        #expect(refused.bound == 1)
    }

    @Test func `too few items are refused, with the number that would suffice`() throws {
        var generator = SeededGenerator(seed: 4)
        let items = items(213, using: &generator) { _ in 0 }
        guard case .refused(let refusal) = Certifier(try promise(0.99)).certify(items) else {
            Issue.record("certified")
            return
        }
        #expect(refusal.tally == Tally(accepted: refusal.items))
        #expect(refusal.bound > 0.01)
        let needed = try #require(refusal.itemsNeeded)
        #expect((299...400).contains(needed))
    }

    @Test func `a few fitting items that all agree do not start the sequence where half of the others differ`() throws {
        var generator = SeededGenerator(seed: 8)
        let fitting = items(50, using: &generator) { _ in 0 }
        let bounding = items(450, using: &generator) { $0 > 0.65 ? 0 : 0.5 }
        let sure = bounding.count { $0.confidence > 0.65 }
        guard case .certified(let found) = Certifier(try promise(0.99)).certify(fitting: fitting, bounding: bounding)
        else {
            Issue.record("refused")
            return
        }
        #expect((299...sure).contains(found.tally.accepted))
        // Agreement has no influence on the start of the sequence.
        let opposite = bounding.map { Observation(hash: $0.hash, confidence: $0.confidence, agrees: !$0.agrees) }
        guard case .refused(let refusal) = Certifier(try promise(0.99)).certify(fitting: fitting, bounding: opposite)
        else {
            Issue.record("certified")
            return
        }
        #expect((299...found.tally.accepted).contains(refusal.tally.accepted))
    }

    @Test func `if too many items differ, no number of items is named`() throws {
        var generator = SeededGenerator(seed: 5)
        let items = items(3000, using: &generator) { _ in 0.2 }
        guard case .refused(let refusal) = Certifier(try promise(0.99)).certify(items) else {
            Issue.record("certified")
            return
        }
        #expect(refusal.itemsNeeded == nil)
        #expect(refusal.bound > 0.1)
    }

    @Test func `nothing at all is refused`() throws {
        guard case .refused(let refusal) = Certifier(try promise(0.99)).certify([]) else {
            Issue.record("certified")
            return
        }
        #expect(refusal.items == 0)
        #expect(refusal.itemsNeeded == nil)
    }

    @Test func `labels bound the loss of accuracy, which counts no more than the disagreements`() throws {
        var generator = SeededGenerator(seed: 6)
        let items = items(3000, using: &generator) { $0 > 0.6 ? 0.002 : 0.3 }.map { item in
            var item = item
            item.right = .init(small: item.agrees, full: item.agrees || item.hash % 4 != 1)
            return item
        }
        guard case .certified(let found) = Certifier(try promise(0.99)).certify(items), let loss = found.accuracyLoss
        else {
            Issue.record("refused, or without a loss")
            return
        }
        #expect(loss.lost + loss.gained <= found.tally.disagreements)
        #expect(loss.gained == 0)
        #expect(loss.bound > Double(loss.lost) / Double(found.tally.accepted))
        #expect(loss.bound < 0.02)
    }

    /// The rate of disagreement exceeds the promise slightly at every threshold, so every certificate breaks its
    /// promise.
    @Test func `the promise is broken as rarely as stated, where the best threshold breaks it often`() throws {
        let promise = try promise(0.95)
        var generator = SeededGenerator(seed: 8)
        var broken = 0
        var tried = 0
        for _ in 0..<300 {
            let items = items(700, using: &generator) { _ in 0.051 }
            if case .certified = Certifier(promise).certify(items) { broken += 1 }
            let thresholds = stride(from: 0.95, through: 0.5, by: -0.005)
            if Tally.counts(items, at: Array(thresholds)).contains(where: promise.isKept) { tried += 1 }
        }
        #expect(ClopperPearson.lower(broken, of: 300, confidence: 0.999) <= promise.delta)
        #expect(ClopperPearson.lower(tried, of: 300, confidence: 0.999) > promise.delta)
    }

    @Test(arguments: [0.0, 1, -1, .nan, 1.5])
    func `an agreement or a confidence of 0 or 1 is not a promise`(share: Double) {
        #expect(Promise(agreement: share, confidence: 0.95) == nil)
        #expect(Promise(agreement: 0.99, confidence: share) == nil)
    }
}
