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

    static func install(onFirst stop: @escaping @Sendable () -> Void) {
        // A peer that went away is an error of that write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable in received(number, stop) }
            source.activate()
            state.withLock { $0.sources.append(source) }
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
