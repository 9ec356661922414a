import Certification
import Contracts
import Settings
import Signing
import Telemetry

/// Decides which of the texts that a small or a middle model answered also go to the full model.
///
/// The decision is a hash of the route and the text, so a text is always drawn or never, whoever sends it and however
/// often. Repeating a text adds no evidence, and a redelivered step draws the same items.
public struct ShadowDraw: Sendable {
    public let probability: Double
    private let seed: UInt64

    /// - Parameters:
    ///   - probability: 0 to 1.
    ///   - seed: the same in all processes. It must be secret if tenants must not choose which of their texts are drawn.
    public init(_ probability: Double, seed: UInt64 = 0) {
        self.probability = probability
        self.seed = seed
    }

    public func takes(_ text: String, of route: Route) -> Bool {
        guard probability > 0 else { return false }
        var draw = SeededGenerator(seed: ItemHash.of("\(route) \(text)") ^ seed)
        return Double.random(in: 0..<1, using: &draw) < probability
    }

    /// Draws the sample of the items that a model has answered under its certificate.
    /// - Returns: `nil` if none was drawn.
    public func shadow(
        of answered: [Shadow.Item], step: Int, route: Route, by model: ModelIdentity, under certificate: Certificate,
        at time: Timestamp
    ) -> Shadow? {
        let drawn = answered.filter { takes($0.text, of: route) }
        guard !drawn.isEmpty else { return nil }
        return Shadow(
            step: step, route: route, items: drawn, smallModel: model.description, certificate: certificate.id,
            tieShare: certificate.tieShare, probability: probability, decidedAt: time)
    }
}

extension ShadowDraw {
    /// Reads the share of answered items that the full model answers too, for comparison.
    /// - Default: 0.01. Key: `WINNOW_SHADOW_RATE`. With 0 no drift is noticed.
    /// - Throws: `SettingsError`
    public static func rate(_ reader: inout SettingsReader) throws(SettingsError) -> Double {
        try reader.number("WINNOW_SHADOW_RATE", default: 0.01, in: 0...1)
    }

    /// - Parameter signing: its key is the secret of the draw.
    public init(_ rate: Double, _ signing: RecordSigning) { self.init(rate, seed: signing.secret(for: "shadow draw")) }
}

/// Counts how many items small models answered themselves, and how many they escalated.
public struct AnswerMetrics: Sendable {
    private let answers: Counter
    private let escalations: Counter
    public let shadowed: Counter

    public init(_ metrics: Metrics) {
        answers = metrics.counter("winnow_items_answered_total", "Items that the small model was sure of.")
        shadowed = metrics.counter(
            "winnow_items_shadowed_total", "Answered items that the full model also answers in the background.")
        escalations = metrics.counter("winnow_items_escalated_total", "Items escalated to the full model.")
    }

    public func answered(_ answered: Int, escalated: Int) {
        answers.increment(by: answered)
        escalations.increment(by: escalated)
    }
}
