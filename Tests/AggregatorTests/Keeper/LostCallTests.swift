import BuiltInCatalog
import Contracts
import MessageBus
import MessageBusTesting
import Store
import StoreTesting
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Aggregator

struct LostCallTests {
    /// The database's clock.
    private final class Clock: Sendable {
        private let time = Mutex(Fixture.now)

        var now: Timestamp { time.withLock(\.self) }

        func advance(seconds: Int64) { time.withLock { $0 = $0.adding(milliseconds: 1000 * seconds) } }
    }

    private let clock = Clock()
    private let bus = InMemoryBus(topics: [:])

    private func chore(on store: InMemoryStore, ahead seconds: Int64) throws -> any Chore {
        let settings = try KeeperRig().settings()
        let chores = Keeper.chores(
            service: "aggregator", connect: { store }, producer: bus.producer(), backlog: bus, settings: settings,
            catalog: .builtIn,
            logger: .silent, metrics: Metrics(), now: { Fixture.now.adding(milliseconds: 1000 * seconds) })
        return try #require(chores.first { $0.name == "lost-calls" })
    }

    /// - Parameter hours: the difference between the aggregator's clock and the database's.
    @Test(arguments: [-24, 0, 24])
    func `a call is given up by the clock that started it, whatever the aggregator's says`(hours: Int64) async throws {
        let store = InMemoryStore(now: { [clock] in clock.now })
        let lostCalls = try chore(on: store, ahead: 3600 * hours)
        let call = LedgerEntry(
            step: Step.ID(request: .numbered(1), ordinal: 0), tenant: Fixture.tenant, route: Fixture.clause,
            attempt: Fixture.attempt(), cost: PicoDollars(3), counterfactualCost: .zero, onceCost: .zero)
        _ = try await store.start([call]) { call, instant in
            var call = call
            call.attempt.startedAt = instant
            return call
        }
        clock.advance(seconds: 600)
        #expect(try await lostCalls.work() == .nothing)
        clock.advance(seconds: 1)
        #expect(try await lostCalls.work() == ChoreRound(handled: 1))
        #expect(try await store.ledger(of: .numbered(1)).map(\.attempt.state) == [.unknown])
    }
}
