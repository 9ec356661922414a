import Glibc
import Lifecycle
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ThreadExecutorTests {
    @Test func `calls run in the order in which they were made, all on one thread`() async throws {
        let executor = ThreadExecutor()
        let seen = Mutex<[Int]>([])
        let threads = Mutex<Set<UInt>>([])
        for number in 0..<100 {
            executor.submit {
                seen.withLock { $0.append(number) }
                threads.withLock { _ = $0.insert(UInt(pthread_self())) }
            }
        }
        let last = try await executor.run { UInt(pthread_self()) }
        #expect(seen.withLock { $0 } == Array(0..<100))
        #expect(threads.withLock { $0 } == [last])
        executor.stop()
    }

    @Test func `a call's fault is the caller's`() async {
        struct Fault: Error {}
        let executor = ThreadExecutor()
        await #expect(throws: Fault.self) { try await executor.run { throw Fault() } }
        executor.stop()
    }

    @Test func `blocked executors leave the cooperative pool free`() async throws {
        let blocked = (0..<8).map { _ in (executor: ThreadExecutor(), semaphore: Semaphore()) }
        // Each blocks its own thread until a task of the pool has run. The pool may have only one thread.
        let ended = try await withThrowingTaskGroup(of: Int.self) { group in
            for (executor, semaphore) in blocked {
                group.addTask {
                    try await executor.run {
                        semaphore.wait()
                        return 1
                    }
                }
            }
            for (_, semaphore) in blocked {
                group.addTask {
                    semaphore.signal()
                    return 0
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(ended == 8)
        for (executor, _) in blocked { executor.stop() }
    }

    @Test func `only a background thread gives way to the others`() async throws {
        let background = ThreadExecutor(isBackground: true), other = ThreadExecutor()
        #expect(try await background.run { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) } == 19)
        #expect(try await other.run { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) } < 19)
        background.stop()
        other.stop()
    }

    @Test func `a task that prefers the executor runs on its thread`() async throws {
        let executor = ThreadExecutor()
        let thread = try await executor.run { UInt(pthread_self()) }
        let own = await withTaskExecutorPreference(executor) { await currentThread() }
        #expect(own == thread)
        executor.stop()
    }
}

private func currentThread() async -> UInt { UInt(pthread_self()) }

/// `@unchecked Sendable`: a POSIX semaphore may be shared between threads.
private final class Semaphore: @unchecked Sendable {
    private let pointer = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(pointer, 0, 0) }

    deinit {
        sem_destroy(pointer)
        pointer.deallocate()
    }

    func wait() { sem_wait(pointer) }
    func signal() { sem_post(pointer) }
}
