import Lifecycle
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SignalTests {
    @Test func `all waiting tasks continue, and later ones do not wait`() async {
        let signal = Signal()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { await signal.wait() } }
            signal.fire()
            await group.waitForAll()
        }
        await signal.wait()
    }

    @Test func `a stop ends the wait`() async {
        let shutdown = GracefulShutdown()
        async let waiting: Void = GracefulShutdown.$current.withValue(shutdown) { await Signal().wait() }
        shutdown.trigger()
        await waiting
    }

    @Test func `a cancelled task does not wait`() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Signal().wait() }
            group.cancelAll()
        }
    }
}
