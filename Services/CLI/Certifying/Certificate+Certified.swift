import Certification
import Contracts
import Inference

extension Certificate {
    /// - Parameters:
    ///   - comparisons: all items, compared in the terms of the promise, which tell what is to be expected to escalate and to be saved.
    ///   - source: where they came from.
    init(
        _ certified: Certified, of promise: Promise, route: Route, small: ModelCard, full: ModelCard,
        comparisons: [Comparison], source: Source, at time: Timestamp, using generator: inout some RandomNumberGenerator
    ) {
        let escalated = comparisons.map { $0.observation.confidence < certified.sureFrom }
        var seeded = SeededGenerator(seed: 20_261_123)
        let saving = Figure(
            ratio: zip(comparisons, escalated).map { item, isEscalated in
                let spent = item.smallFlops + (isEscalated ? item.fullFlops : 0)
                return (part: Double(item.fullFlops - spent), whole: Double(item.fullFlops))
            }, using: &seeded)
        let hasSeen = [small, full].contains { $0.dataHashes.contains(source.sha256) }
        self.init(
            id: ID(using: &generator), route: route, smallModel: small.identity.description,
            fullModel: full.identity.description, alpha: promise.alpha, delta: promise.delta,
            equalFrom: promise.equalFrom, temperature: certified.temperature, threshold: certified.threshold,
            sureFrom: certified.sureFrom,
            fitted: certified.fitted, items: certified.items, accepted: certified.tally.accepted,
            disagreements: certified.tally.disagreements, bound: certified.bound,
            escalationRate: Estimate(Figure(successes: escalated.count { $0 }, of: escalated.count)),
            saving: Estimate(saving),
            accuracyLoss: certified.accuracyLoss,
            source: source, certifiedAt: time, note: hasSeen ? Self.seenNote : nil)
    }

    static let seenNote =
        "not new to the models: a card names this file, from which temperature, gate and recipe were chosen"
}

extension Certificate.Estimate {
    init(_ figure: Figure) {
        func rounded(_ share: Double) -> Double { (share * 1e6).rounded() / 1e6 }
        self.init(value: rounded(figure.value), low: rounded(figure.low), high: rounded(figure.high))
    }
}
