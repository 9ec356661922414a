@preconcurrency import Dispatch
import Dispatch
import Glibc
import Synchronization
import Telemetry

/// Handles SIGTERM and SIGINT: the first signal asks to stop, the second ends the process at once.
enum Signals {
    private struct State {
        // Stored for the life of the process. A release build frees a source that only a local variable holds.
        var sources: [any DispatchSourceSignal] = []
        var count = 0
    }

    private static let state = Mutex(State())
    private static let queue = DispatchQueue(label: "winnow.signals")

    /// Returns when both handlers are installed. A signal before that would be lost.
    static func install(onFirst stop: @escaping @Sendable () -> Void) {
        let registered = DispatchSemaphore(value: 0)
        // Writing to a closed connection must be an error and not a signal that ends the process.
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable in received(number, stop) }
            source.setRegistrationHandler { @Sendable in registered.signal() }
            state.withLock { $0.sources.append(source) }
            source.activate()
            registered.wait()
        }
    }

    private static func received(_ number: Int32, _ stop: @Sendable () -> Void) {
        let count = state.withLock { state in
            state.count += 1
            return state.count
        }
        if count > 1 { _exit(128 + number) }
        stop()
    }
}

/// Ends the process if stopping takes too long. Work in flight is then redelivered to another process.
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
            logger.error("Stopping exceeded its timeout", metadata: ["timeout": "\(timeout)"])
            _exit(ExitCode.failed.rawValue)
        }
    }

    /// Starts the countdown. Later calls do nothing.
    func arm() {
        guard !isArmed.exchange(true, ordering: .relaxed) else { return }
        let milliseconds = Int(timeout / .milliseconds(1))
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [self] in
            if !isMet.load(ordering: .relaxed) { expired() }
        }
    }

    /// Called when everything has stopped in time. The deadline then no longer ends the process.
    func met() { isMet.store(true, ordering: .relaxed) }
}
