/// How many items a threshold accepts, and how many of those differ.
public struct Tally: Sendable, Equatable {
    public var accepted = 0
    public var disagreements = 0

    public init(accepted: Int = 0, disagreements: Int = 0) {
        self.accepted = accepted
        self.disagreements = disagreements
    }

    /// The share that differs; 0 of nothing.
    public var rate: Double { accepted > 0 ? Double(disagreements) / Double(accepted) : 0 }

    /// One tally a threshold, in order.
    /// - Parameter thresholds: of the model's own confidence, descending.
    public static func counts(_ observations: [Observation], at thresholds: [Double]) -> [Tally] {
        let ranked = observations.sorted { $0.confidence > $1.confidence }
        var tally = Tally()
        return thresholds.map { threshold in
            while tally.accepted < ranked.count, ranked[tally.accepted].confidence >= threshold {
                if !ranked[tally.accepted].agrees { tally.disagreements += 1 }
                tally.accepted += 1
            }
            return tally
        }
    }
}
