import Contracts
import Store
import Testing

@Suite struct FairShareTests {
    private static let (flooding, quiet) = (TenantID(rawValue: "flooding"), TenantID(rawValue: "quiet"))

    private static func turns(
        _ tenants: [TenantID: Occupancy.Tenant] = [:], window: Int = 10, share: Int = 2
    ) -> FairShare { FairShare(Occupancy(tenants), window: window, share: share) }

    private static func admitted(_ tenant: TenantID, of count: Int, _ turns: inout FairShare) -> Int {
        (0..<count).count { _ in turns.admits(tenant) }
    }

    @Test func `a tenant that is alone has the whole window`() {
        var turns = Self.turns()
        #expect(Self.admitted(Self.flooding, of: 12, &turns) == 10)
    }

    @Test func `with the window full a tenant has its share all the same`() {
        var turns = Self.turns([Self.flooding: .init(underWay: 10)])
        #expect(Self.admitted(Self.flooding, of: 1, &turns) == 0)
        #expect(Self.admitted(Self.quiet, of: 3, &turns) == 2)
    }

    @Test func `twice the window is never passed`() {
        var turns = Self.turns()
        let admitted = (0..<50).map { Self.admitted(TenantID(rawValue: "\($0)"), of: 2, &turns) }
        #expect(admitted == (0..<50).map { $0 < 10 ? 2 : 0 })
    }

    @Test func `a tenant's request overtakes none of its own, and none of others beyond its share`() {
        var behindItsOwn = Self.turns([Self.quiet: .init(waiting: 1)])
        #expect(Self.admitted(Self.quiet, of: 1, &behindItsOwn) == 0)
        var behindOthers = Self.turns([Self.flooding: .init(waiting: 1)])
        #expect(Self.admitted(Self.quiet, of: 3, &behindOthers) == 2)
        #expect(behindOthers.headroom == 0)
    }

    @Test func `a weight makes the share larger`() {
        var turns = Self.turns([Self.flooding: .init(underWay: 10), Self.quiet: .init(weight: 3)])
        #expect(Self.admitted(Self.quiet, of: 7, &turns) == 6)
    }

    @Test func `turns go by weight`() {
        var turns = Self.turns(
            [Self.flooding: .init(waiting: 100), Self.quiet: .init(waiting: 100, weight: 3)], window: 40)
        let next = turns.next(limit: 100)
        #expect(next == [Self.flooding: 10, Self.quiet: 30])
    }

    @Test func `a tenant with many requests in progress comes after a tenant with few, however little room there is`() {
        let old = Timestamp(milliseconds: 1), new = Timestamp(milliseconds: 2)
        let tenants: [TenantID: Occupancy.Tenant] = [
            Self.flooding: .init(underWay: 9, waiting: 100, waitingSince: old),
            Self.quiet: .init(waiting: 1, waitingSince: new),
        ]
        var turns = Self.turns(tenants, share: 0)
        let next = turns.next(limit: 100)
        #expect(next == [Self.quiet: 1])
    }

    @Test func `among equal places the tenant that has waited longest is next`() {
        let tenants = (0..<9).map { number in
            let since = Timestamp(milliseconds: 100 - Int64(number))
            return (TenantID(rawValue: "\(number)"), Occupancy.Tenant(waiting: 1, waitingSince: since))
        }
        var turns = Self.turns(Dictionary(uniqueKeysWithValues: tenants), window: 1, share: 0)
        let next = turns.next(limit: 100)
        #expect(next == [TenantID(rawValue: "8"): 1])
    }

    @Test func `requests of one tenant that make no progress delay no other tenant`() {
        var turns = Self.turns([Self.flooding: .init(underWay: 10, waiting: 50), Self.quiet: .init(waiting: 5)])
        let next = turns.next(limit: 100)
        #expect(next == [Self.quiet: 2])
    }
}
