import Certification
import Contracts
import Inference
import JSON

/// What a certificate says about one of its models.
public struct CertifiedModel: Sendable {
    let identity: ModelIdentity
    /// SHA-256 of the files that the model was trained and calibrated on.
    let dataHashes: [String]

    public init(_ model: any CertifiableModel, on route: Route) {
        self.init(identity: model.identity(of: route), dataHashes: model.dataHashes)
    }

    init(identity: ModelIdentity, dataHashes: [String]) {
        self.identity = identity
        self.dataHashes = dataHashes
    }
}

/// The result of certifying one task.
public struct CertifyReport {
    public enum Result {
        case certified(Certificate)
        case refused(Refusal)
    }

    public let route: Route
    public let promise: Promise
    public let result: Result

    /// Looks for a threshold that keeps the promise.
    /// - Parameters:
    ///   - comparisons: both models' answers to all items of the task.
    ///   - source: where the items came from.
    ///   - judge: the model that said whether the answers agree.
    ///   - note: what else the certificate says about the items.
    public init(
        _ comparisons: [Comparison], of route: Route, promise: Promise, small: CertifiedModel, full: CertifiedModel,
        judge: ModelIdentity? = nil, source: Certificate.Source, note: String? = nil, at time: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) {
        let result: Result
        switch Certifier(promise).certify(comparisons.map(\.observation)) {
        case .certified(let certified):
            result = .certified(
                Certificate(
                    certified, of: promise, route: route, small: small, full: full, comparisons: comparisons,
                    judge: judge, source: source, note: note, at: time, using: &generator))
        case .refused(let refusal): result = .refused(refusal)
        }
        self.init(route: route, promise: promise, result: result)
    }

    init(route: Route, promise: Promise, result: Result) {
        (self.route, self.promise, self.result) = (route, promise, result)
    }

    /// `nil` if no threshold keeps the promise.
    public var certificate: Certificate? {
        if case .certified(let certificate) = result { certificate } else { nil }
    }

    /// Explains why there is no certificate, and what would help.
    public var complaint: String? {
        guard case .refused(let refusal) = result else { return nil }
        let reached =
            "\(route): no threshold keeps the promise. At \(Self.short(refusal.threshold))"
            + " \(refusal.tally.disagreements) of \(refusal.tally.accepted) accepted answers differ, which shows at most"
            + " \(Self.percent(refusal.bound)) and not \(Self.percent(promise.alpha))."
        return "\(reached) \(advice(refusal)) All its items escalate unless an earlier certificate is valid."
    }

    private func advice(_ refusal: Refusal) -> String {
        if let needed = refusal.itemsNeeded {
            return "About \(needed) items instead of \(refusal.items + refusal.fitted) suffice, or a better model."
        }
        return "Too few answers agree to estimate how many items are needed: use a better model or more items."
    }

    /// - Shape: `{"capability", "task", "certified", "certificate"?}`; without a certificate what was reached, and advice
    public func write(to writer: inout JSONWriter) {
        writer.object { body in
            body.member("capability", route.capability.rawValue)
            body.member("task", route.task)
            switch result {
            case .certified(let certificate):
                body.member("certified", true)
                body.name("certificate")
                body.raw(String(decoding: certificate.encode(), as: UTF8.self))
            case .refused(let refusal):
                body.member("certified", false)
                body.name("threshold")
                body.probability(refusal.threshold)
                body.member("items", refusal.items)
                body.member("accepted", refusal.tally.accepted)
                body.member("disagreements", refusal.tally.disagreements)
                body.name("bound")
                body.probability(refusal.bound)
                if let needed = refusal.itemsNeeded { body.member("itemsNeeded", needed) }
                body.member("advice", advice(refusal))
            }
        }
    }

    /// A number with six decimals at most.
    public static func short(_ number: Double) -> String { "\((number * 1e6).rounded() / 1e6)" }

    /// `1.23%`
    public static func percent(_ share: Double) -> String { "\((share * 1e4).rounded() / 100)%" }

    /// `1.23% [1.2%, 1.3%]`
    public static func interval(_ estimate: Certificate.Estimate) -> String {
        "\(percent(estimate.value)) [\(percent(estimate.low)), \(percent(estimate.high))]"
    }
}

extension Certificate {
    /// - Parameters:
    ///   - comparisons: all items. They yield the expected escalation rate and savings in the terms of the promise.
    ///   - source: where the items came from.
    init(
        _ certified: Certified, of promise: Promise, route: Route, small: CertifiedModel, full: CertifiedModel,
        comparisons: [Comparison], judge: ModelIdentity? = nil, source: Source, note: String? = nil, at time: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) {
        let escalated = comparisons.map { $0.observation.confidence < certified.acceptThreshold }
        var seeded = SeededGenerator(seed: 20_261_123)
        let saving = Figure(
            ratio: zip(comparisons, escalated).map { item, isEscalated in
                let spent = item.smallFlops + (isEscalated ? item.fullFlops : 0)
                return (part: Double(item.fullFlops - spent), whole: Double(item.fullFlops))
            }, using: &seeded)
        let isKnown = comparisons.contains { $0.smallFlops > 0 } && comparisons.contains { $0.fullFlops > 0 }
        let hasSeen = [small, full].contains { $0.dataHashes.contains(source.sha256) }
        let notes = [note, hasSeen ? Self.seenNote : nil].compactMap(\.self)
        self.init(
            id: ID(using: &generator), route: route, smallModel: small.identity.description,
            fullModel: full.identity.description, alpha: promise.alpha, delta: promise.delta,
            tieShare: promise.tieShare, judge: judge?.description, temperature: certified.temperature,
            threshold: certified.threshold,
            acceptThreshold: certified.acceptThreshold,
            fitted: certified.fitted, items: certified.items, accepted: certified.tally.accepted,
            disagreements: certified.tally.disagreements, bound: certified.bound,
            escalationRate: Estimate(Figure(successes: escalated.count { $0 }, of: escalated.count)),
            saving: isKnown ? Estimate(saving) : nil,
            accuracyLoss: certified.accuracyLoss,
            source: source, certifiedAt: time, note: notes.isEmpty ? nil : notes.joined(separator: "; "))
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
