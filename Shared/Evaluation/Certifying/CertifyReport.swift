import Certification
import Contracts
import Inference
import JSON
import Settings

/// The result of certifying one task.
struct CertifyReport {
    enum Result {
        case certified(Certificate)
        case refused(Refusal)
    }

    var route: Route
    var promise: Promise
    var result: Result

    static let columns = [
        "task", "certificate", "threshold", "items", "accepted", "disagreements", "bound", "escalated", "saved",
        "accuracy_loss_at_most",
    ]

    var row: [Table.Cell] {
        switch result {
        case .certified(let certificate):
            [
                .text("\(route)"), .text("\(certificate.id)"), .number(Self.short(certificate.threshold)),
                .number("\(certificate.items)"), .number("\(certificate.accepted)"),
                .number("\(certificate.disagreements)"), .number(Self.percent(certificate.bound)),
                .number(Self.interval(certificate.escalationRate)), .number(Self.interval(certificate.saving)),
                certificate.accuracyLoss.map { .number(Self.percent($0.bound)) } ?? .none,
            ]
        case .refused(let refusal):
            [
                .text("\(route)"), .text("none"), .number(Self.short(refusal.threshold)), .number("\(refusal.items)"),
                .number("\(refusal.tally.accepted)"), .number("\(refusal.tally.disagreements)"),
                .number(Self.percent(refusal.bound)), .text("everything"), .none, .none,
            ]
        }
    }

    /// Explains why there is no certificate, and what would help.
    var complaint: String? {
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

    func write(to writer: inout JSONWriter) {
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

    private static func short(_ number: Double) -> String { "\((number * 1e6).rounded() / 1e6)" }

    private static func percent(_ share: Double) -> String { "\((share * 1e4).rounded() / 100)%" }

    private static func interval(_ estimate: Certificate.Estimate) -> String {
        "\(percent(estimate.value)) [\(percent(estimate.low)), \(percent(estimate.high))]"
    }
}

extension Certificate {
    /// - Parameters:
    ///   - comparisons: all items. They yield the expected escalation rate and savings in the terms of the promise.
    ///   - source: where the items came from.
    init(
        _ certified: Certified, of promise: Promise, route: Route, small: ModelCard, full: ModelCard,
        comparisons: [Comparison], source: Source, at time: Timestamp, using generator: inout some RandomNumberGenerator
    ) {
        let escalated = comparisons.map { $0.observation.confidence < certified.acceptThreshold }
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
            tieShare: promise.tieShare, temperature: certified.temperature, threshold: certified.threshold,
            acceptThreshold: certified.acceptThreshold,
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

/// Reads and writes certificates in a file beside their models, one on each line.
enum CertificateFile {
    static func path(of capability: Capability, in modelsDirectory: String) -> String {
        "\(modelsDirectory)/\(capability)/certificates.jsonl"
    }

    /// - Returns: an empty list if the file does not exist.
    /// - Throws: `SmallFileError`; `ContractError` for a line that is not a certificate.
    static func read(_ path: String) throws -> [Certificate] {
        guard SmallFile.isRegular(path) else { return [] }
        return try InputFile.lines(of: try InputFile.read(path)).map { try Certificate(decoding: Array($0.bytes)) }
    }

    /// Replaces the certificates of the same tasks. The others stay.
    static func replace(_ certificates: [Certificate], in path: String) throws {
        let routes = Set(certificates.map(\.route))
        let all = try read(path).filter { !routes.contains($0.route) } + certificates
        let lines = all.sorted { $0.route.description < $1.route.description }.map { $0.encode() + [0x0A] }
        try SmallFile.replace(path, with: Array(lines.joined()))
    }
}

/// Both models' answers to one calibration item.
struct Comparison: Sendable {
    var observation: Observation
    /// - Units: operations.
    var smallFlops: Int64
    var fullFlops: Int64

    init(observation: Observation, smallFlops: Int64, fullFlops: Int64) {
        self.observation = observation
        self.smallFlops = smallFlops
        self.fullFlops = fullFlops
    }

    init(_ item: LabelledItem, small: Prediction, full: Prediction, tieShare: Double) {
        observation = Observation(
            hash: ItemHash.of(item.text), confidence: small.certainty,
            agrees: full.accepts(small.label, from: tieShare),
            right: item.label.map { .init(small: small.label == $0, full: full.label == $0) })
        (smallFlops, fullFlops) = (small.flops, full.flops)
    }

    /// Runs both models on the items of one task.
    /// - Parameter tieShare: `Certificate.tieShare`.
    /// - Throws: `InferenceError`
    static func run(
        _ items: [LabelledItem], as route: Route, small: any Classifier, full: any Classifier, tieShare: Double
    ) async throws -> [Comparison] {
        var comparisons: [Comparison] = []
        comparisons.reserveCapacity(items.count)
        while comparisons.count < items.count {
            let chunk = items[comparisons.count..<min(comparisons.count + 64, items.count)]
            let texts = chunk.map(\.text)
            let (fromSmall, fromFull) = try await (
                small.classify(texts, as: route), full.classify(texts, as: route)
            )
            for ((item, small), full) in zip(zip(chunk, fromSmall), fromFull) {
                comparisons.append(Comparison(item, small: small, full: full, tieShare: tieShare))
            }
            Console.progress("\(route): \(comparisons.count) of \(items.count) items compared")
        }
        return comparisons
    }
}

/// The models in the models directory, by `name@version`.
struct DeployedModels {
    private let small: [Capability: String]
    private let full: String

    /// - Throws: `ArtifactError`
    init(directory: String) throws {
        full = try ModelCard.load(directory: "\(directory)/full").identity.description
        small = try Capability.requestable.reduce(into: [:]) { small, capability in
            small[capability] = try ModelCard.load(directory: "\(directory)/\(capability)").identity.description
        }
    }

    func run(_ route: Route, small: String?, full: String?) -> Bool {
        small != nil && self.small[route.capability] == small && self.full == full
    }
}
