import CCurl
import Glibc
import Lifecycle
import Synchronization

/// Makes transfers over libcurl's multi interface, all on one thread. Connections are kept and used again.
///
/// A thread for each call would be hundreds of threads that wait, and blocking calls would stall the cooperative pool.
/// - Source: infra/decisions/0048-models-behind-http.md
final class CurlDriver: HTTPTransport {
    private struct Queue {
        var lastID = 0
        /// The calls without a transfer yet, and whether they are cancelled already.
        var issued: [Int: Bool] = [:]
        var added: [(id: Int, transfer: CurlTransfer)] = []
        var cancelled: [Int] = []
        var isStopped = false

        mutating func issue() -> Int {
            lastID += 1
            issued[lastID] = false
            return lastID
        }

        mutating func cancel(_ id: Int) {
            if issued[id] == nil { cancelled.append(id) } else { issued[id] = true }
        }

        mutating func add(_ transfer: CurlTransfer, as id: Int) {
            added.append((id, transfer))
            if issued.removeValue(forKey: id) == true { cancelled.append(id) }
        }
    }

    private let loop: Loop
    private let thread = ThreadExecutor()

    /// - Throws: `TransportError` if libcurl cannot start.
    init() throws(TransportError) {
        guard winnow_curl_start() == CURLE_OK, let transfers = curl_multi_init() else {
            thread.stop()
            throw TransportError(code: .misconfigured, message: "libcurl cannot start", wasSent: false)
        }
        loop = Loop(transfers)
        thread.submit { [loop] in loop.run() }
        thread.stop()
    }

    /// The thread ends the transfers that are left, and frees everything.
    deinit { loop.submit { $0.isStopped = true } }

    func send(_ request: HTTPRequest) async throws -> HTTPReply {
        try Task.checkCancellation()
        let id = loop.issue()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do throws(TransportError) {
                    let transfer = try CurlTransfer(request) { continuation.resume(with: $0) }
                    loop.submit { $0.add(transfer, as: id) }
                } catch {
                    loop.forget(id)
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            loop.submit { $0.cancel(id) }
        }
    }

    /// What the thread does.
    ///
    /// `@unchecked Sendable`: a mutex protects the queue, `curl_multi_wakeup` may be called from any thread, and only
    /// the thread touches everything else.
    private final class Loop: @unchecked Sendable {
        private let queue = Mutex(Queue())
        private let transfers: UnsafeMutableRawPointer
        private var running: [Int: CurlTransfer] = [:]
        private var ids: [UnsafeMutableRawPointer: Int] = [:]

        init(_ transfers: UnsafeMutableRawPointer) { self.transfers = transfers }

        deinit { curl_multi_cleanup(transfers) }

        /// The thread has nothing to do for a call that only begins.
        func issue() -> Int { queue.withLock { $0.issue() } }

        func forget(_ id: Int) { queue.withLock { $0.issued[id] = nil } }

        func submit<Result: Sendable>(_ body: (inout Queue) -> Result) -> Result {
            defer { curl_multi_wakeup(transfers) }
            return queue.withLock { body(&$0) }
        }

        func run() {
            // A write to a connection that the server has closed is an error of that transfer, and no signal.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            while takeQueue() {
                var count: Int32 = 0
                curl_multi_perform(transfers, &count)
                endTransfers()
                // libcurl returns earlier if one of its own timeouts is due, or at a wake-up.
                curl_multi_poll(transfers, nil, 0, expireTransfers(), nil)
            }
            for id in running.keys.sorted() { remove(id)?.cancel() }
        }

        /// - Returns: `false` once the driver has stopped.
        private func takeQueue() -> Bool {
            let (added, cancelled, isStopped) = queue.withLock { queue in
                defer { (queue.added, queue.cancelled) = ([], []) }
                return (queue.added, queue.cancelled, queue.isStopped)
            }
            for (id, transfer) in added {
                let code = curl_multi_add_handle(transfers, transfer.handle)
                guard code == CURLM_OK else {
                    transfer.end(CURLE_OUT_OF_MEMORY)
                    continue
                }
                running[id] = transfer
                ids[transfer.handle] = id
            }
            for id in cancelled { remove(id)?.cancel() }
            return !isStopped
        }

        private func remove(_ id: Int) -> CurlTransfer? {
            guard let transfer = running.removeValue(forKey: id) else { return nil }
            ids[transfer.handle] = nil
            curl_multi_remove_handle(transfers, transfer.handle)
            return transfer
        }

        private func endTransfers() {
            var result = CURLE_OK
            while let handle = winnow_curl_ended(transfers, &result) {
                guard let id = ids[handle] else { continue }
                remove(id)?.end(result)
            }
        }

        /// - Returns: the time until the next transfer expires. - Units: milliseconds.
        private func expireTransfers() -> Int32 {
            let now = ContinuousClock.now
            var next: ContinuousClock.Instant?
            var expired: [Int] = []
            for (id, transfer) in running {
                let deadline = transfer.deadline
                if deadline <= now { expired.append(id) } else { next = min(next ?? deadline, deadline) }
            }
            for id in expired { remove(id)?.expire() }
            return next.map { Int32(clamping: now.duration(to: $0).milliseconds) } ?? 60_000
        }
    }
}
