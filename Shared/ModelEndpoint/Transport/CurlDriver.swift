import CCurl
import Lifecycle

/// Makes transfers over libcurl's multi interface, all on one thread. Connections are kept and used again.
///
/// A thread for each call would be hundreds of threads that wait, and blocking calls would stall the cooperative pool.
/// - Source: infra/decisions/0048-models-behind-http.md
final class CurlDriver: HTTPTransport {
    private let loop: CurlLoop
    private let thread = ThreadExecutor()

    /// - Throws: `TransportError` if libcurl cannot start.
    init() throws(TransportError) {
        guard winnow_curl_start() == CURLE_OK, let loop = CurlLoop() else {
            thread.stop()
            throw TransportError(code: .misconfigured, message: "libcurl cannot start", wasSent: false)
        }
        self.loop = loop
        thread.submit { loop.run() }
        thread.stop()
    }

    /// The thread ends the transfers that are left, and frees everything.
    deinit { loop.stop() }

    func send(_ request: HTTPRequest) async throws -> HTTPReply {
        try Task.checkCancellation()
        let id = loop.issue()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do throws(TransportError) {
                    loop.add(try CurlTransfer(request) { continuation.resume(with: $0) }, as: id)
                } catch {
                    loop.forget(id)
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            loop.cancel(id)
        }
    }
}
