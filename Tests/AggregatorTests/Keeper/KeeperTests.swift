import Contracts
import Lifecycle
import Store
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Aggregator

@Suite(.timeLimit(.minutes(1)))
struct KeeperTests {
    private let metrics = Metrics()

    private func keeper(_ leadership: any Leadership, _ chores: [any Chore]) -> Keeper {
        Keeper(
            leadership: leadership, chores: chores, interval: .milliseconds(5), logger: .silent, metrics: metrics)
    }

    /// Runs keepers until `body` returns, then stops them.
    private func run(_ keepers: [Keeper], _ body: () async throws -> Void) async throws {
        let shutdown = GracefulShutdown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for keeper in keepers {
                group.addTask { try await GracefulShutdown.$current.withValue(shutdown) { try await keeper.run() } }
            }
            try await body()
            shutdown.trigger()
            try await group.waitForAll()
        }
    }

    @Test func `of several processes one works, and another goes on as soon as it has stopped`() async throws {
        let lead = Lead()
        let chores = [Rounds(), Rounds()]
        try await run([
            keeper(lead.member(1), [chores[0]]), keeper(lead.member(2), [chores[1]]),
        ]) {
            let first = await lead.holder()
            await chores[first - 1].wait(for: 3)
            #expect(chores[2 - first].count == 0)
            lead.die(first)
            await chores[2 - first].wait(for: 3)
            #expect(await lead.holder() == 3 - first)
        }
        #expect(await lead.current == nil)
    }

    @Test func `a process that has lost the leadership runs no more chores`() async throws {
        let lead = Lead()
        let chore = Rounds()
        try await run([keeper(lead.member(1), [chore])]) {
            await chore.wait(for: 2)
            lead.die(1)
            await lead.waitForRefusals(3)
            let count = chore.count
            await lead.waitForRefusals(6)
            #expect(chore.count == count)
            #expect(metrics.render().contains("winnow_keeper_leading 0"))
        }
    }

    @Test func `no chore works on after the lease has expired`() async throws {
        let lease = Lease(until: .now - .seconds(1))
        #expect(!lease.isHeld)
        lease.extend(until: .now + .seconds(60))
        #expect(lease.isHeld)
        lease.end()
        #expect(!lease.isHeld)
    }

    @Test func `a chore that fails holds up no other, and is counted`() async throws {
        let chore = Rounds()
        try await run([keeper(SoleLeadership(), [Failing(), chore])]) { await chore.wait(for: 5) }
        let text = metrics.render()
        #expect(!text.contains(#"winnow_keeper_failures_total{chore="failing"} 0"#))
        #expect(text.contains(#"winnow_keeper_failures_total{chore="rounds"} 0"#))
        #expect(text.contains(#"winnow_keeper_rounds_total{chore="failing"} 0"#))
        #expect(!text.contains(#"winnow_keeper_rounds_total{chore="rounds"} 0"#))
    }

    @Test func `a waiting chore is woken, also by a call that came while it worked`() async throws {
        let wake = Wake()
        let chore = Rounds(interval: .seconds(3600), wake: wake)
        try await run([keeper(SoleLeadership(), [chore])]) {
            await chore.wait(for: 1)
            wake.call()
            await chore.wait(for: 2)
            wake.call()
            await chore.wait(for: 3)
        }
    }

    @Test func `a chore with more to do goes on at once`() async throws {
        let chore = Rounds(interval: .seconds(3600), more: 4)
        try await run([keeper(SoleLeadership(), [chore])]) { await chore.wait(for: 5) }
        // A machine under load may lose the lead and take it again, which begins another round.
        #expect(metrics.render().contains(#"winnow_keeper_handled_total{chore="rounds"} \#(chore.count)"# + "\n"))
    }
}

private struct Failing: Chore {
    let name = "failing"
    let interval = Duration.seconds(3600)

    func work() async throws -> ChoreRound { throw StoreError(.query, "ill", isRetriable: false) }
}

/// Counts its rounds.
private final class Rounds: Chore {
    let name = "rounds"
    let interval: Duration
    let wake: Wake?
    private let more: Int
    private let state = Mutex<(count: Int, waiting: [(Int, Signal)])>((0, []))

    init(interval: Duration = .milliseconds(1), wake: Wake? = nil, more: Int = 0) {
        self.interval = interval
        self.wake = wake
        self.more = more
    }

    var count: Int { state.withLock(\.count) }

    func work() async throws -> ChoreRound {
        let (count, due) = state.withLock { state in
            state.count += 1
            let due = state.waiting.filter { $0.0 <= state.count }
            state.waiting.removeAll { $0.0 <= state.count }
            return (state.count, due)
        }
        for (_, signal) in due { signal.fire() }
        return ChoreRound(handled: 1, hasMore: count <= more)
    }

    func wait(for count: Int) async {
        let signal = Signal()
        let isDue = state.withLock { state in
            if state.count < count { state.waiting.append((count, signal)) }
            return state.count >= count
        }
        if !isDue { await signal.wait() }
    }
}

/// A lock that several members share.
private final class Lead: Sendable {
    private struct State {
        var holder: Int?
        var dead: Set<Int> = []
        var refusals = 0
        var waiting: [(condition: @Sendable (State) -> Bool, signal: Signal)] = []
    }

    private let state = Mutex(State())

    struct Member: Leadership {
        let lead: Lead
        let number: Int

        func claim() async throws -> ContinuousClock.Instant? { lead.claim(number) ? .now + .seconds(3600) : nil }

        func resign() async { lead.release(number) }
    }

    func member(_ number: Int) -> Member { Member(lead: self, number: number) }

    var current: Int? { get async { state.withLock(\.holder) } }

    func holder() async -> Int {
        await wait { $0.holder != nil }
        return state.withLock(\.holder) ?? 0
    }

    func waitForRefusals(_ count: Int) async { await wait { $0.refusals >= count } }

    func die(_ number: Int) {
        change { state in
            state.dead.insert(number)
            if state.holder == number { state.holder = nil }
        }
    }

    private func claim(_ number: Int) -> Bool {
        change { state in
            if state.holder == nil, !state.dead.contains(number) { state.holder = number }
            if state.holder != number { state.refusals += 1 }
            return state.holder == number
        }
    }

    private func release(_ number: Int) {
        change { state in if state.holder == number { state.holder = nil } }
    }

    private func change<Result: Sendable>(_ body: @Sendable (inout State) -> Result) -> Result {
        let (result, due) = state.withLock { state in
            let result = body(&state)
            let snapshot = state
            let due = state.waiting.filter { $0.condition(snapshot) }.map(\.signal)
            state.waiting.removeAll { $0.condition(snapshot) }
            return (result, due)
        }
        for signal in due { signal.fire() }
        return result
    }

    private func wait(_ condition: @escaping @Sendable (State) -> Bool) async {
        let signal = Signal()
        let holds = state.withLock { state in
            let holds = condition(state)
            if !holds { state.waiting.append((condition, signal)) }
            return holds
        }
        if !holds { await signal.wait() }
    }
}
