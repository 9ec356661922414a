@preconcurrency import Dispatch
import Glibc
import Synchronization

/// SIGTERM and SIGINT: the first asks to stop, the second ends the process at once.
enum Signals {
    private struct State {
        // Held here for the life of the process: a release build frees a source that only a local holds.
        var sources: [any DispatchSourceSignal] = []
        var count = 0
    }

    private static let state = Mutex(State())
    private static let queue = DispatchQueue(label: "winnow.signals")

    /// Returns when both are caught: until then a signal would be ignored, and be lost.
    static func install(onFirst stop: @escaping @Sendable () -> Void) {
        let registered = DispatchSemaphore(value: 0)
        // A peer that went away is an error of that write, not the end of the process.
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
