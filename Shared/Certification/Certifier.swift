import Contracts
import JSON

/// Finds the lowest confidence threshold at which a certificate can keep its promise.
///
/// It uses fixed-sequence testing: it tests the thresholds of a fixed grid from strict to loose, each by the exact
/// bound at the full confidence, until the first that fails. The start of the sequence depends only on the temperature,
/// which is fitted on other items, and on the small model's confidence in these items, never on whether it agrees.
/// Each test may therefore use the whole δ: no correction for testing many thresholds is needed.
/// - Source: Learn then test, arXiv:2110.01052, section 2.3
public struct Certifier: Sendable {
    /// Calibrated confidences, in even steps of their log-odds: 0.99995 to 0.5.
    static let grid = (0...100).map { Temperature.sigmoid(Double(100 - $0) / 10) }

    /// One item in this many fits the temperature. The others compute the bound.
    private static let fittingDivisor: UInt64 = 10

    /// With fewer accepted items, a share is not meaningful.
    private static let minimumAccepted = 30
    /// Where `itemsNeeded` stops counting: a data set that is larger is not realistic.
    private static let maximumAccepted = 1_000_000

    private let promise: Promise

    public init(_ promise: Promise) { self.promise = promise }

    /// Splits the items by the hash of their text. Certifying the same items again gives the same split, and equal
    /// texts are always in the same part.
    public func certify(_ observations: [Observation]) -> Finding {
        let isForFitting = { (observation: Observation) in observation.hash % Self.fittingDivisor == 0 }
        return certify(fitting: observations.filter(isForFitting), bounding: observations.filter { !isForFitting($0) })
    }

    /// - Parameter bounding: items drawn independently of `fitting`.
    public func certify(fitting: [Observation], bounding: [Observation]) -> Finding {
        let temperature = Temperature(fitting: fitting)
        let thresholds = Self.grid.map(temperature.confidence)
        let start = start(thresholds, temperature, bounding.map(\.confidence))
        let tallies = Tally.counts(bounding, at: thresholds)
        let passed = tallies[start...].prefix(while: promise.isKept)
        guard let tally = passed.last else {
            return .refused(
                Refusal(
                    fitted: fitting.count, items: bounding.count, threshold: Self.grid[start], tally: tallies[start],
                    bound: bound(tallies[start]),
                    itemsNeeded: tallies.compactMap { itemsNeeded($0, of: fitting.count + bounding.count) }.min()))
        }
        // Several thresholds may accept the same items. The strictest is chosen, because no item with a lower
        // confidence was tested.
        let last = passed.firstIndex(of: tally) ?? start
        return .certified(
            Certified(
                temperature: temperature.value, threshold: Self.grid[last], acceptThreshold: thresholds[last],
                fitted: fitting.count, items: bounding.count, tally: tally, bound: bound(tally),
                accuracyLoss: loss(bounding, from: thresholds[last], candidates: Self.grid.count - start)))
    }

    /// Returns the index at which the sequence of tests starts: the strictest threshold whose chance of passing is at
    /// least 90% of the best chance. The chances are estimated from the calibrated confidences alone. They assume a
    /// rate of disagreement of at least α/8, because the fitting items are too few to show a lower one.
    private func start(_ thresholds: [Double], _ temperature: Temperature, _ confidences: [Double]) -> Int {
        let ranked = confidences.sorted(by: >)
        var accepted = 0
        var expectedDisagreements = 0.0
        let power = thresholds.map { threshold -> Double in
            while accepted < ranked.count, ranked[accepted] >= threshold {
                expectedDisagreements += 1 - temperature.calibrated(ranked[accepted])
                accepted += 1
            }
            guard accepted > 0 else { return 0 }
            return chance(of: accepted, rate: max(promise.alpha / 8, expectedDisagreements / Double(accepted)))
        }
        let enough = 0.9 * (power.max() ?? 0)
        return enough > 0 ? power.firstIndex { $0 >= enough } ?? 0 : thresholds.count - 1
    }

    /// Returns the probability that `accepted` items keep the promise if each of them disagrees with probability
    /// `rate`.
    private func chance(of accepted: Int, rate: Double) -> Double {
        guard promise.isKept(Tally(accepted: accepted)) else { return 0 }
        var (low, high) = (0, accepted)
        while high - low > 1 {
            let middle = (low + high) / 2
            if promise.isKept(Tally(accepted: accepted, disagreements: middle)) { low = middle } else { high = middle }
        }
        return ClopperPearson.cumulative(low, of: accepted, probability: rate)
    }

    private func bound(_ tally: Tally) -> Double {
        ClopperPearson.upper(tally.disagreements, of: tally.accepted, confidence: promise.confidence)
    }

    /// Estimates how many items would suffice if the shares of accepted and disagreeing items stayed the same.
    /// - Returns: `nil` if more items would not help, or too many would be needed.
    private func itemsNeeded(_ tally: Tally, of items: Int) -> Int? {
        guard tally.accepted >= Self.minimumAccepted, tally.rate < promise.alpha else { return nil }
        var accepted = tally.accepted
        while !promise.isKept(Tally(accepted: accepted, disagreements: Int(tally.rate * Double(accepted) + 0.5))) {
            accepted += max(1, accepted / 20)
            guard accepted < Self.maximumAccepted else { return nil }
        }
        return (accepted * items + tally.accepted - 1) / tally.accepted
    }

    /// Bounds the loss of accuracy. The error probability δ is divided by the number of candidate thresholds
    /// (Bonferroni), because the threshold was chosen on the same items.
    private func loss(
        _ observations: [Observation], from threshold: Double, candidates: Int
    ) -> Certificate.AccuracyLoss? {
        let accepted = observations.filter { $0.confidence >= threshold }
        let right = accepted.compactMap(\.right)
        guard right.count == accepted.count else { return nil }
        let lost = right.count { $0.full && !$0.small }
        return Certificate.AccuracyLoss(
            lost: lost, gained: right.count { $0.small && !$0.full },
            bound: ClopperPearson.upper(
                lost, of: accepted.count, confidence: 1 - promise.delta / Double(candidates)))
    }
}

/// The result of a certification.
public enum Finding: Sendable, Equatable {
    case certified(Certified)
    case refused(Refusal)
}

/// A threshold that keeps the promise, and its evidence.
public struct Certified: Sendable, Equatable {
    public var temperature: Double
    /// The threshold of the calibrated confidence.
    public var threshold: Double
    /// The same threshold of the model's own confidence.
    public var acceptThreshold: Double
    /// Items that the temperature was fitted on. The bound does not use them.
    public var fitted: Int
    /// All items that the bound is based on, including those that were not accepted.
    public var items: Int
    public var tally: Tally
    /// The upper bound of the share of disagreements.
    public var bound: Double
    /// `nil` unless every item has a label.
    public var accuracyLoss: Certificate.AccuracyLoss?
}

/// No threshold keeps the promise according to these items.
public struct Refusal: Sendable, Equatable {
    public var fitted: Int
    public var items: Int
    /// The first threshold of the sequence. Its test failed, so no other was tested.
    public var threshold: Double
    public var tally: Tally
    public var bound: Double
    /// About how many items would suffice, at the threshold that needs the fewest; `nil` if no threshold seems good
    /// enough.
    public var itemsNeeded: Int?
}

/// The results of both models for one item. It holds only a hash of the text.
public struct Observation: Sendable, Equatable {
    /// Which of the models gave the true label.
    public struct Right: Sendable, Equatable {
        public var small: Bool
        public var full: Bool

        public init(small: Bool, full: Bool) { (self.small, self.full) = (small, full) }
    }

    /// The text's `ItemHash`.
    public var hash: UInt64
    /// The small model's confidence.
    public var confidence: Double
    public var agrees: Bool
    /// `nil` if the item has no label.
    public var right: Right?

    public init(hash: UInt64, confidence: Double, agrees: Bool, right: Right? = nil) {
        self.hash = hash
        self.confidence = confidence
        self.agrees = agrees
        self.right = right
    }

    /// - Shape: `{"hash", "confidence", "agrees", "smallRight"?, "fullRight"?}`, `hash` in hexadecimal
    public func encode() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 96)
        writer.object { body in
            body.member("hash", String(hash, radix: 16))
            body.name("confidence")
            body.double(confidence)
            body.member("agrees", agrees)
            if let right {
                body.member("smallRight", right.small)
                body.member("fullRight", right.full)
            }
        }
        return writer.bytes
    }

    /// - Returns: `nil` if the bytes are not an observation.
    public init?(decoding bytes: some Collection<UInt8>) {
        let read = try? JSONDocument.read(Array(bytes)) { body -> Observation? in
            guard let hash = body["hash"]?.string.flatMap({ UInt64($0, radix: 16) }),
                let confidence = body["confidence"]?.double, let agrees = body["agrees"]?.bool
            else { return nil }
            var right: Right?
            if let small = body["smallRight"]?.bool, let full = body["fullRight"]?.bool {
                right = Right(small: small, full: full)
            }
            return Observation(hash: hash, confidence: confidence, agrees: agrees, right: right)
        }
        guard let observation = read ?? nil else { return nil }
        self = observation
    }
}

/// A hash of a text that is the same in every run and on every machine.
/// - Source: FNV-1a, 64 bits; SplitMix64's finalizer, because FNV's low bits are uneven over short texts
public enum ItemHash {
    public static func of(_ text: String) -> UInt64 {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return SeededGenerator.mixed(hash)
    }
}

/// A small seeded generator, so that equal data gives equal figures.
/// - Source: Fast splittable pseudorandom number generators, OOPSLA 2014
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
