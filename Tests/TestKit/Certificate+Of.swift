import Contracts

extension Certificate {
    /// A certificate for the models of the tests.
    public static func of(
        _ route: Route, id: UInt64 = 1, small: String = "small@7", full: String = "full@1",
        acceptThreshold: Double = 0.9,
        certifiedAt: Timestamp = Timestamp(milliseconds: 1_790_000_000_123), note: String? = nil
    ) -> Certificate {
        var generator = Seeded(id)
        return Certificate(
            id: ID(using: &generator), route: route, smallModel: small, fullModel: full, alpha: 0.01, delta: 0.05,
            tieShare: 0.5, temperature: 1.25, threshold: 0.95, acceptThreshold: acceptThreshold, fitted: 100,
            items: 900,
            accepted: 700,
            disagreements: 2, bound: 0.009, escalationRate: .init(value: 0.25, low: 0.22, high: 0.28),
            saving: .init(value: 0.7, low: 0.67, high: 0.73), accuracyLoss: .init(lost: 1, gained: 1, bound: 0.012),
            source: .init(file: "items.jsonl.gz", sha256: "ab"), certifiedAt: certifiedAt, note: note)
    }
}
