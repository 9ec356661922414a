import Synchronization

/// Whether this process can do its work: ready when every check is good and it is not draining.
public final class Health: Sendable {
    struct Report: Equatable {
        var checks: [String: Bool]
        var isDraining: Bool

        var isReady: Bool { !isDraining && checks.values.allSatisfy { $0 } }
    }

    private struct State {
        var checks: [String: HealthCheck] = [:]
        var isStopping = false
        var isDrained = false
    }

    private let state = Mutex(State())

    public init() {}

    /// Asking twice for one name gives the same check.
    public func check(_ name: String, initially isGood: Bool = false) -> HealthCheck {
        state.withLock { state in
            if let known = state.checks[name] { return known }
            let check = HealthCheck(isGood)
            state.checks[name] = check
            return check
        }
    }

    /// Not ready from here on, while what is in flight is finished.
    public func drain() { state.withLock { $0.isStopping = true } }

    /// Not ready for as long as an operator has others do its work.
    public func setDrained(_ isDrained: Bool) { state.withLock { $0.isDrained = isDrained } }

    public var isReady: Bool { report.isReady }

    var report: Report {
        state.withLock { Report(checks: $0.checks.mapValues(\.isGood), isDraining: $0.isStopping || $0.isDrained) }
    }
}

/// One thing that must be so for the process to be ready, such as a connection.
public final class HealthCheck: Sendable {
    private let good: Atomic<Bool>

    init(_ isGood: Bool) { good = Atomic(isGood) }

    public var isGood: Bool { good.load(ordering: .relaxed) }

    public func set(_ isGood: Bool) { good.store(isGood, ordering: .relaxed) }
}
