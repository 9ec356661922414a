/// An allowance a minute that fills evenly. Whoever takes more than there is gets it, and waits until it has filled.
///
/// So calls start in the order in which they asked, and a call larger than the whole allowance still starts some time.
struct TokenBucket: Sendable {
    /// - Units: a minute. It is also the most that an unused allowance grows to.
    let allowance: Int
    private var amount: Double
    private var filledAt: ContinuousClock.Instant

    init(perMinute allowance: Int, at now: ContinuousClock.Instant) {
        self.allowance = allowance
        amount = Double(allowance)
        filledAt = now
    }

    /// - Returns: how long the taker must wait.
    mutating func take(_ count: Int, at now: ContinuousClock.Instant) -> Duration {
        fill(at: now)
        amount -= Double(count)
        return amount >= 0 ? .zero : .seconds(-amount * 60 / Double(allowance))
    }

    /// Gives back what was not used.
    mutating func giveBack(_ count: Int, at now: ContinuousClock.Instant) {
        fill(at: now)
        amount = min(Double(allowance), amount + Double(count))
    }

    private mutating func fill(at now: ContinuousClock.Instant) {
        guard now > filledAt else { return }
        amount = min(Double(allowance), amount + (now - filledAt) / .seconds(60) * Double(allowance))
        filledAt = now
    }
}
