import Lifecycle
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct GracefulShutdownTests {
    @Test func `a handler runs once however often the shutdown is triggered`() async {
        let shutdown = GracefulShutdown()
        let calls = Atomic(0)
        await GracefulShutdown.$current.withValue(shutdown) {
            await withGracefulShutdownHandler {
                shutdown.trigger()
                shutdown.trigger()
                await gracefulShutdown()
            } onGracefulShutdown: {
                calls.add(1, ordering: .relaxed)
            }
        }
        #expect(calls.load(ordering: .relaxed) == 1)
    }

    @Test func `a handler that comes after the shutdown runs at once`() async {
        let shutdown = GracefulShutdown()
        shutdown.trigger()
        let calls = Atomic(0)
        await GracefulShutdown.$current.withValue(shutdown) {
            await withGracefulShutdownHandler {
                #expect(calls.load(ordering: .relaxed) == 1)
            } onGracefulShutdown: {
                calls.add(1, ordering: .relaxed)
            }
        }
    }

    @Test func `a handler whose operation has ended is not run`() async {
        let shutdown = GracefulShutdown()
        let calls = Atomic(0)
        await GracefulShutdown.$current.withValue(shutdown) {
            await withGracefulShutdownHandler {
            } onGracefulShutdown: {
                calls.add(1, ordering: .relaxed)
            }
        }
        shutdown.trigger()
        #expect(calls.load(ordering: .relaxed) == 0)
    }

    @Test func `a cancelled task does not wait for the shutdown`() async {
        await GracefulShutdown.$current.withValue(GracefulShutdown()) {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await gracefulShutdown() }
                group.cancelAll()
            }
        }
    }

    @Test func `a sleep is cut short by the shutdown and says so`() async {
        let shutdown = GracefulShutdown()
        let isWhole = await GracefulShutdown.$current.withValue(shutdown) {
            #expect(await sleepUnlessShutDown(for: .microseconds(1)))
            shutdown.trigger()
            return await sleepUnlessShutDown(for: .seconds(3600))
        }
        #expect(!isWhole)
    }
}
