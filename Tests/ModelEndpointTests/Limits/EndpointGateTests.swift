import Models
import Synchronization
import Telemetry
import Testing

@testable import ModelEndpoint

@Suite struct EndpointGateTests {
    private let clock = ManualClock()
    private let metrics = Metrics()

    private func gate(_ change: (inout EndpointGate.Settings) -> Void) -> EndpointGate {
        var settings = EndpointGate.Settings()
        change(&settings)
        let figures = EndpointMetrics(metrics, logger: Logger(service: "test") { _ in }, name: "big", model: "m")
        return EndpointGate(settings, name: "big", clock: clock, metrics: figures)
    }

    @Test func `a call that finds no place before its deadline fails, and one that is let in by then does not`()
        async throws
    {
        let gate = gate { $0.maxInFlight = 1 }
        let first = try await gate.enter(tokens: 1, deadline: nil)
        async let late = error { try await gate.enter(tokens: 1, deadline: clock.now + .seconds(5)) }
        await clock.sleepers(1)
        clock.advance(by: .seconds(5))
        #expect(await late?.code == .rateLimited)
        #expect(await late?.isRetriable == true)

        let deadline = clock.now + .seconds(5)
        async let next = gate.enter(tokens: 1, deadline: deadline)
        await clock.sleepers(1)
        gate.leave(first, .success, consumed: 1)
        gate.leave(try await next, .success, consumed: 1)
        #expect(metrics.render().contains(#"winnow_endpoint_in_flight{endpoint="big"} 0"#))
        #expect(metrics.render().contains(#"winnow_endpoint_waits_total{endpoint="big",limit="in_flight"} 2"#))
    }

    @Test func `a call beyond the requests a minute waits for its share`() async throws {
        let gate = gate { $0.requestsPerMinute = 60 }
        for _ in 0..<60 { gate.leave(try await gate.enter(tokens: 1, deadline: nil), .success, consumed: 1) }
        async let waiting = gate.enter(tokens: 1, deadline: nil)
        await clock.sleepers(1)
        clock.advance(by: .seconds(1))
        gate.leave(try await waiting, .success, consumed: 1)
        #expect(metrics.render().contains(#"winnow_endpoint_waits_total{endpoint="big",limit="requests"} 1"#))
    }

    @Test func `tokens that a call did not consume are there for the next one`() async throws {
        let gate = gate { $0.tokensPerMinute = 100 }
        gate.leave(try await gate.enter(tokens: 100, deadline: nil), .success, consumed: 40)
        gate.leave(try await gate.enter(tokens: 60, deadline: nil), .success, consumed: 60)
        let error = await error { try await gate.enter(tokens: 10, deadline: clock.now + .seconds(5)) }
        #expect(error?.code == .rateLimited)
        #expect(error?.retryAfter == .seconds(6))
        // The refused call has taken nothing.
        clock.advance(by: .seconds(6))
        gate.leave(try await gate.enter(tokens: 10, deadline: clock.now), .success, consumed: 10)
    }

    @Test func `tokens that a call consumed beyond its share are taken from the next one`() async throws {
        let gate = gate { $0.tokensPerMinute = 100 }
        gate.leave(try await gate.enter(tokens: 10, deadline: nil), .success, consumed: 110)
        let error = await error { try await gate.enter(tokens: 5, deadline: clock.now) }
        #expect(error?.retryAfter == .seconds(9))
    }

    @Test func `an open circuit refuses at once, without a place, and says until when`() async throws {
        let gate = gate {
            $0.maxInFlight = 1
            $0.breaker.consecutiveFailures = 1
        }
        gate.leave(try await gate.enter(tokens: 1, deadline: nil), .failure, consumed: 0)
        let error = await error { try await gate.enter(tokens: 1, deadline: nil) }
        #expect(error?.code == .circuitOpen)
        #expect(error?.retryAfter == .seconds(30))
        #expect(error?.message == "endpoint big: the circuit is open until 2023-11-14T22:13:50.000Z")
        #expect(error?.isDependencyUnavailable == true)
        #expect(metrics.render().contains(#"winnow_endpoint_breaker_state{endpoint="big"} 2"#))
        #expect(metrics.render().contains(#"winnow_endpoint_breaker_opened_total{endpoint="big"} 1"#))

        clock.advance(by: .seconds(30))
        let probe = try await gate.enter(tokens: 1, deadline: nil)
        #expect(metrics.render().contains(#"winnow_endpoint_breaker_state{endpoint="big"} 1"#))
        gate.leave(probe, .success, consumed: 1)
        #expect(metrics.render().contains(#"winnow_endpoint_breaker_state{endpoint="big"} 0"#))
        gate.leave(try await gate.enter(tokens: 1, deadline: nil), .success, consumed: 1)
    }

    @Test func `a call that is cancelled while it waits gives everything back`() async throws {
        let gate = gate { $0.requestsPerMinute = 1 }
        gate.leave(try await gate.enter(tokens: 1, deadline: nil), .success, consumed: 1)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await gate.enter(tokens: 1, deadline: nil)) == nil }
            await clock.sleepers(1)
            group.cancelAll()
            #expect(await group.next() == true)
        }
        #expect(metrics.render().contains(#"winnow_endpoint_in_flight{endpoint="big"} 0"#))
        clock.advance(by: .seconds(60))
        gate.leave(try await gate.enter(tokens: 1, deadline: clock.now), .success, consumed: 1)
    }

    /// Otherwise a place that is given at this moment would never be given back.
    @Test(arguments: [true, false])
    func `what a body returns is not lost if the deadline or a cancellation comes first`(isCancelled: Bool) async throws
    {
        for _ in 0..<100 {
            let clock = ManualClock()
            let body = Body()
            let result = await withTaskGroup(of: Int?.self) { group in
                group.addTask {
                    let deadline = clock.now + .seconds(5)
                    return try? await clock.limited(until: deadline) {
                        await withCheckedContinuation { continuation in body.continuation.withLock { $0 = continuation }
                        }
                    }
                }
                await clock.sleepers(1)
                while body.continuation.withLock({ $0 == nil }) { await Task.yield() }
                if isCancelled { group.cancelAll() } else { clock.advance(by: .seconds(5)) }
                for _ in 0..<10 { await Task.yield() }
                body.continuation.withLock { $0?.resume(returning: 7) }
                return await group.next() ?? nil
            }
            #expect(result == 7)
        }
    }

    @Test func `a body that has not ended by the deadline is cancelled`() async throws {
        let clock = ManualClock()
        async let result = clock.limited(until: clock.now + .seconds(5)) {
            try await clock.pause(until: clock.now + .seconds(100))
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(5))
        #expect(try await result == nil)
    }

    private final class Body: Sendable {
        let continuation = Mutex<CheckedContinuation<Int, Never>?>(nil)
    }

    private func error(_ body: () async throws -> EndpointGate.Pass) async -> ModelError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? ModelError
        }
    }
}
