import Dispatch
import Glibc
import Synchronization
import Telemetry

/// Ends the process when stopping takes too long; what was in flight is delivered again to somebody else.
final class ShutdownDeadline: Sendable {
    private let timeout: Duration
    private let expired: @Sendable () -> Void
    private let isArmed = Atomic<Bool>(false)
    private let isMet = Atomic<Bool>(false)

    init(_ timeout: Duration, expired: @escaping @Sendable () -> Void) {
        self.timeout = timeout
        self.expired = expired
    }

    convenience init(_ timeout: Duration, logger: Logger) {
        self.init(timeout) {
            logger.error("Stopping took too long", metadata: ["timeout": "\(timeout)"])
            _exit(ExitCode.failed.rawValue)
        }
    }

    /// Counts from the first call; later ones do nothing.
    func arm() {
        guard !isArmed.exchange(true, ordering: .relaxed) else { return }
        let milliseconds = Int(timeout / .milliseconds(1))
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [self] in
            if !isMet.load(ordering: .relaxed) { expired() }
        }
    }

    /// Everything has stopped in time: a process that goes on, as one that tests this does, is left alone.
    func met() { isMet.store(true, ordering: .relaxed) }
}
