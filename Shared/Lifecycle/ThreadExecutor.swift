import Dispatch
import Glibc
import Synchronization

/// A thread for blocking C calls (`rd_kafka_consumer_poll`, `PQexec`), which would stall the cooperative pool.
///
/// `@unchecked Sendable`: a mutex protects the queue, and the semaphore is thread-safe.
public final class ThreadExecutor: TaskExecutor, @unchecked Sendable {
    private enum Work {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
        case stop
    }

    private let queue = Mutex<[Work]>([])
    private let available = DispatchSemaphore(value: 0)

    private let isBackground: Bool

    /// - Parameter isBackground: whether all other threads of the machine have priority.
    public init(isBackground: Bool = false) {
        self.isBackground = isBackground
        var thread = pthread_t()
        // The thread retains the executor until `stop`.
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadExecutor>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(code == 0, "cannot create a thread: error \(code)")
        pthread_detach(thread)
    }

    public func enqueue(_ job: consuming ExecutorJob) { push(.job(UnownedJob(job))) }

    /// Runs a blocking call on this thread.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            push(.call { continuation.resume(with: Swift.Result(catching: body)) })
        }
    }

    /// Runs a blocking call on this thread without waiting for it.
    public func submit(_ body: @escaping @Sendable () -> Void) { push(.call(body)) }

    /// Ends the thread after the queued work. Nothing may be enqueued afterwards.
    public func stop() { push(.stop) }

    private func push(_ work: Work) {
        queue.withLock { $0.append(work) }
        available.signal()
    }

    private func work() {
        // On Linux this affects only this thread. Without permission the thread keeps its normal priority.
        if isBackground { _ = nice(19) }
        while true {
            available.wait()
            switch queue.withLock({ $0.removeFirst() }) {
            case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
            case .call(let call): call()
            case .stop: return
            }
        }
    }
}
