import Testing

@testable import ModelEndpoint

@Suite struct CircuitBreakerTests {
    private let start = ContinuousClock.now
    private let settings = CircuitBreaker.Settings(
        consecutiveFailures: 3, failureRatio: 0.5, window: 10, openTime: .seconds(30))

    @Test func `failures in a row open it, and a success between them does not`() throws {
        var breaker = CircuitBreaker(settings)
        for outcome in [CircuitBreaker.Outcome.failure, .failure, .success, .failure, .neutral, .failure] {
            #expect(try !call(&breaker, outcome, at: start))
        }
        #expect(breaker.state == .closed)
        #expect(try call(&breaker, .failure, at: start))
        #expect(breaker.state == .open(until: start + .seconds(30)))
        #expect(breaker.era == 1)
    }

    @Test func `a share of failures opens it, once there were enough calls`() throws {
        var breaker = CircuitBreaker(settings)
        for index in 0..<9 { _ = try call(&breaker, index.isMultiple(of: 2) ? .failure : .success, at: start) }
        #expect(breaker.state == .closed)
        _ = try call(&breaker, .success, at: start)
        #expect(breaker.state == .closed)
        // Five of the last ten.
        _ = try call(&breaker, .failure, at: start)
        #expect(breaker.state == .open(until: start + .seconds(30)))
    }

    @Test func `calls that left the window no longer count`() throws {
        var breaker = CircuitBreaker(settings)
        for _ in 0..<10 {
            for outcome in [CircuitBreaker.Outcome.failure, .success, .success] {
                _ = try call(&breaker, outcome, at: start)
            }
        }
        #expect(breaker.state == .closed)
    }

    @Test func `while it is open it refuses, and says until when`() throws {
        var breaker = try opened()
        let error = #expect(throws: CircuitBreaker.Refusal.self) {
            try breaker.admit(at: start + .milliseconds(29_999))
        }
        #expect(error?.until == start + .seconds(30))
        #expect(breaker.refusal(at: start + .seconds(30)) == nil)
    }

    @Test func `after that one call probes the server, and only one`() throws {
        var breaker = try opened()
        let now = start + .seconds(30)
        #expect(try breaker.admit(at: now).isProbe)
        #expect(breaker.state == .halfOpen(isProbing: true))
        let error = #expect(throws: CircuitBreaker.Refusal.self) { try breaker.admit(at: now) }
        #expect(error == CircuitBreaker.Refusal(until: nil))
    }

    @Test func `a probe that succeeds closes it, and earlier failures are forgotten`() throws {
        var breaker = try opened()
        let now = start + .seconds(30)
        #expect(try call(&breaker, .success, at: now))
        #expect(breaker.state == .closed)
        _ = try call(&breaker, .failure, at: now)
        _ = try call(&breaker, .failure, at: now)
        #expect(breaker.state == .closed)
    }

    @Test func `a probe that fails opens it again for the whole time`() throws {
        var breaker = try opened()
        #expect(try call(&breaker, .failure, at: start + .seconds(31)))
        #expect(breaker.state == .open(until: start + .seconds(61)))
        #expect(breaker.era == 2)
    }

    @Test func `a probe that says nothing lets another one try`() throws {
        var breaker = try opened()
        let now = start + .seconds(30)
        #expect(try call(&breaker, .neutral, at: now))
        #expect(breaker.state == .halfOpen(isProbing: false))
        #expect(try breaker.admit(at: now).isProbe)
    }

    @Test func `a call from before it opened proves nothing`() throws {
        var breaker = CircuitBreaker(settings)
        let old = try breaker.admit(at: start)
        for _ in 0..<3 { _ = try call(&breaker, .failure, at: start) }
        let now = start + .seconds(30)
        _ = try breaker.admit(at: now)
        let changed = breaker.record(.success, of: old, at: now)
        #expect(!changed)
        #expect(breaker.state == .halfOpen(isProbing: true))
    }

    private func opened() throws -> CircuitBreaker {
        var breaker = CircuitBreaker(settings)
        for _ in 0..<3 { _ = try call(&breaker, .failure, at: start) }
        return breaker
    }

    /// - Returns: whether the state has changed since the call began.
    private func call(
        _ breaker: inout CircuitBreaker, _ outcome: CircuitBreaker.Outcome, at now: ContinuousClock.Instant
    ) throws -> Bool {
        let permit = try breaker.admit(at: now)
        return breaker.record(outcome, of: permit, at: now)
    }
}
