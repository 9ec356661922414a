import Glibc

/// Waits for SIGTERM or SIGINT in the thread itself: no handler, no event loop, nothing that wakes up in between.
struct StopSignals {
    private var signals = sigset_t()

    /// Blocks them; threads that are started later inherit that.
    init() {
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    func wait() {
        var signals = signals
        var received: Int32 = 0
        sigwait(&signals, &received)
    }
}
