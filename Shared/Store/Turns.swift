import Contracts

/// Who is let in next, so that work under way is bounded and each tenant has its share of it: weighted round robin.
///
/// The n-th request that a tenant has under way stands at place ⌈n / weight⌉, and lower places go first. Up to `window`
/// requests whoever comes is let in; then only places up to `share`, so that what hangs for one tenant holds up no
/// other, and twice the window is never passed.
/// - Source: decision 14
public struct Turns: Sendable {
    public static let weights = 1...100

    private let window: Int
    private let share: Int
    private var tenants: [TenantID: Occupancy.Tenant]
    private var underWay: Int
    private var isAnyWaiting: Bool

    public init(_ occupancy: Occupancy, window: Int, share: Int) {
        self.window = window
        self.share = share
        tenants = occupancy.tenants
        underWay = occupancy.underWay
        isAnyWaiting = tenants.values.contains { $0.waiting > 0 }
    }

    /// How many may come in before anybody has to wait.
    public var headroom: Int { isAnyWaiting ? 0 : max(0, window - underWay) }

    /// Whether a request that comes now is let in; else it waits, and those of its tenant behind it too.
    public mutating func admits(_ tenant: TenantID) -> Bool {
        var member = tenants[tenant] ?? Occupancy.Tenant()
        defer { tenants[tenant] = member }
        guard member.waiting == 0, headroom > 0 || hasRoom(for: member) else {
            member.waiting += 1
            isAnyWaiting = true
            return false
        }
        member.underWay += 1
        underWay += 1
        return true
    }

    /// How many of each tenant's waiting requests go next, at most `limit` together; of equal places the tenant that has
    /// waited longest.
    public mutating func next(limit: Int) -> [TenantID: Int] {
        var taken: [TenantID: Int] = [:]
        for _ in 0..<max(0, limit) {
            let first = tenants.lazy.filter { $0.value.waiting > 0 }.min { left, right in
                Self.rank(left) < Self.rank(right)
            }
            guard let (tenant, member) = first, underWay < window || hasRoom(for: member) else { break }
            tenants[tenant]?.waiting -= 1
            tenants[tenant]?.underWay += 1
            underWay += 1
            taken[tenant, default: 0] += 1
        }
        return taken
    }

    private func hasRoom(for member: Occupancy.Tenant) -> Bool { member.place <= share && underWay < 2 * window }

    private static func rank(_ entry: (key: TenantID, value: Occupancy.Tenant)) -> (Int, Int64, TenantID) {
        (entry.value.place, entry.value.waitingSince?.milliseconds ?? 0, entry.key)
    }
}

extension Occupancy.Tenant {
    /// Where its next request stands.
    fileprivate var place: Int { (underWay + weight) / weight }
}
