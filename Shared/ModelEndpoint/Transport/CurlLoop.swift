import CCurl
import Glibc
import Synchronization

/// What the thread of a driver does: it waits for the sockets of all transfers, and for new ones, with epoll.
///
/// A wake-up costs what has happened, and not what is in flight: libcurl is told which socket is ready, and walks over
/// no other transfer.
///
/// `@unchecked Sendable`: a mutex protects the queue, a signal may be sent from any thread, and only the thread touches
/// everything else.
/// - Source: libcurl, curl_multi_socket_action
final class CurlLoop: @unchecked Sendable {
    private struct Queue {
        var lastID = 0
        /// The calls without a transfer yet, and whether they are cancelled already.
        var issued: [Int: Bool] = [:]
        var added: [(id: Int, transfer: CurlTransfer)] = []
        var cancelled: [Int] = []
        var isStopped = false
        /// Whether the thread is about to look at the queue, so that nobody has to wake it again.
        var isSignalled = false
    }

    private let queue = Mutex(Queue())
    private let transfers: UnsafeMutableRawPointer
    private let epoll: Int32
    private let signal: Int32
    /// When libcurl must be called although no socket is ready.
    private var timer: ContinuousClock.Instant?
    private var running: [Int: CurlTransfer] = [:]
    private var ids: [UnsafeMutableRawPointer: Int] = [:]
    /// No transfer expires earlier. Until then nobody has to look at them.
    private var nextExpiry: ContinuousClock.Instant?

    /// - Returns: `nil` if libcurl or the system refuses.
    init?() {
        let epoll = winnow_epoll_create()
        let signal = winnow_signal_create(epoll)
        guard signal >= 0, let transfers = curl_multi_init() else {
            for descriptor in [signal, epoll] where descriptor >= 0 { close(descriptor) }
            return nil
        }
        (self.transfers, self.epoll, self.signal) = (transfers, epoll, signal)
    }

    deinit {
        curl_multi_cleanup(transfers)
        close(signal)
        close(epoll)
    }

    /// The thread has nothing to do for a call that only begins.
    func issue() -> Int {
        queue.withLock { queue in
            queue.lastID += 1
            queue.issued[queue.lastID] = false
            return queue.lastID
        }
    }

    func forget(_ id: Int) { queue.withLock { $0.issued[id] = nil } }

    func add(_ transfer: CurlTransfer, as id: Int) {
        submit { queue in
            queue.added.append((id, transfer))
            if queue.issued.removeValue(forKey: id) == true { queue.cancelled.append(id) }
        }
    }

    func cancel(_ id: Int) {
        submit { if $0.issued[id] == nil { $0.cancelled.append(id) } else { $0.issued[id] = true } }
    }

    func stop() { submit { $0.isStopped = true } }

    private func submit(_ body: (inout Queue) -> Void) {
        let wasSignalled = queue.withLock { queue in
            body(&queue)
            defer { queue.isSignalled = true }
            return queue.isSignalled
        }
        if !wasSignalled { winnow_signal(signal) }
    }

    func run() {
        // A write to a connection that the server has closed is an error of that transfer, and no signal.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        // The thread keeps this object until it has ended.
        winnow_curl_set_watchers(transfers, watchSocket, watchTimer, Unmanaged.passUnretained(self).toOpaque())
        withUnsafeTemporaryAllocation(of: winnow_ready.self, capacity: Int(WINNOW_READY_MOST)) { ready in
            while takeQueue() {
                runTimer()
                endTransfers()
                expireTransfers()
                for event in ready[..<wait(ready)] where event.socket != signal {
                    act(event.socket, event.events)
                }
                endTransfers()
            }
        }
        for id in running.keys.sorted() { remove(id)?.cancel() }
        winnow_curl_set_watchers(transfers, nil, nil, nil)
    }

    /// - Returns: `false` once the driver has stopped.
    private func takeQueue() -> Bool {
        let (added, cancelled, isStopped) = queue.withLock { queue in
            defer { (queue.added, queue.cancelled, queue.isSignalled) = ([], [], false) }
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
            noteExpiry(of: transfer, at: .now)
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

    /// Lets libcurl go on with what waits for a socket, or for its timer.
    private func act(_ socket: curl_socket_t, _ events: Int32) {
        var count: Int32 = 0
        curl_multi_socket_action(transfers, socket, events, &count)
    }

    private func runTimer() {
        guard let timer, timer <= .now else { return }
        self.timer = nil
        act(CURL_SOCKET_TIMEOUT, 0)
    }

    private func endTransfers() {
        var result = CURLE_OK
        while let handle = winnow_curl_ended(transfers, &result) {
            guard let id = ids[handle] else { continue }
            remove(id)?.end(result)
        }
    }

    private func expireTransfers() {
        let now = ContinuousClock.now
        guard let nextExpiry, nextExpiry <= now else { return }
        let expired = running.filter { $0.value.deadline <= now }.sorted { $0.value.deadline < $1.value.deadline }
        for (id, _) in expired { remove(id)?.expire() }
        self.nextExpiry = nil
        for transfer in running.values { noteExpiry(of: transfer, at: now) }
    }

    private func noteExpiry(of transfer: CurlTransfer, at now: ContinuousClock.Instant) {
        let deadline = transfer.earliestDeadline(at: now)
        nextExpiry = min(nextExpiry ?? deadline, deadline)
    }

    /// Waits for sockets, the signal, the timer, or the next expiry.
    /// - Returns: how many elements of `ready` are filled.
    private func wait(_ ready: UnsafeMutableBufferPointer<winnow_ready>) -> Int {
        let end = [timer, nextExpiry].compactMap(\.self).min()
        let milliseconds = end.map { end in
            let left = ContinuousClock.now.duration(to: end)
            return left > .zero ? Int32(clamping: left.milliseconds) : 0
        }
        // Without an end, -1 waits for ever. A negative count is a signal of the system.
        return max(0, Int(winnow_epoll_wait(epoll, ready.baseAddress, milliseconds ?? -1)))
    }

    /// - Parameter milliseconds: negative for no timer.
    fileprivate func setTimer(milliseconds: Int) {
        timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
    }

    /// If the system refuses, the transfer ends at its deadline.
    fileprivate func watch(_ socket: curl_socket_t, for what: Int32) { winnow_epoll_watch(epoll, socket, what) }
}

/// Called by libcurl when it waits for something else of a socket than before.
private func watchSocket(
    transfer: UnsafeMutableRawPointer?, socket: curl_socket_t, what: Int32, context: UnsafeMutableRawPointer?,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    loop(context)?.watch(socket, for: what)
    return 0
}

/// Called by libcurl when its timer changes. It must not be called back from here, also if the timer is due.
private func watchTimer(
    transfers: UnsafeMutableRawPointer?, milliseconds: Int, context: UnsafeMutableRawPointer?
) -> Int32 {
    loop(context)?.setTimer(milliseconds: milliseconds)
    return 0
}

private func loop(_ context: UnsafeMutableRawPointer?) -> CurlLoop? {
    context.map { Unmanaged<CurlLoop>.fromOpaque($0).takeUnretainedValue() }
}
