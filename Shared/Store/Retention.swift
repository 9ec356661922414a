/// How long what grows is kept.
/// - Units: days.
public struct Retention: Sendable, Equatable {
    /// Requests with their steps, their calls and the comparisons of their answers.
    public var requests: Int
    /// What is summed by hour: costs, comparisons, agreement.
    public var hourly: Int
    /// Costs by day.
    public var daily: Int
    /// What was done about dead letters. Longer than their topic keeps them, or they would be listed as new again.
    public var dispositions: Int
    /// Tenants of whom nothing else is left.
    public var tenants: Int

    public init(
        requests: Int = 30, hourly: Int = 400, daily: Int = 3650, dispositions: Int = 90, tenants: Int = 400
    ) {
        self.requests = requests
        self.hourly = hourly
        self.daily = daily
        self.dispositions = dispositions
        self.tenants = tenants
    }
}
