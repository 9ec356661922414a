import Glibc

/// Waits for SIGTERM or SIGINT in the calling thread, without a handler or an event loop.
struct StopSignals {
    private var signals = sigset_t()

    /// Blocks both signals. Threads that start later inherit the mask.
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
