import CMicroHTTPD
import Dispatch
import Lifecycle
import Settings

/// Answers short requests on a thread of its own, so that health is reported even when every other thread is busy.
///
/// A connection carries one request and has a deadline. A new connection is always accepted: where there are too many,
/// an older one is closed. So clients that never finish their requests cannot keep a probe out.
///
/// `@unchecked Sendable`: `isStopped` is touched by `stop` only, which is called by the owner.
final class HTTPServer: @unchecked Sendable {
    typealias Answer = @Sendable (_ method: String, _ path: String) -> HTTPResponse

    let port: Int
    private let portFile: String?
    private let loop: HTTPLoop
    private let thread = ThreadExecutor()
    private let ended = DispatchSemaphore(value: 0)
    private var isStopped = false

    init(
        _ settings: HTTPSettings, limits: OpenConnections.Limits = OpenConnections.Limits(), answer: @escaping Answer
    ) throws(RuntimeError) {
        let socket = try ListenSocket(host: settings.host, port: settings.port)
        port = socket.port
        portFile = settings.portFile
        do {
            loop = try HTTPLoop(socket, limits: limits, answer: answer)
        } catch {
            thread.stop()
            throw error
        }
        thread.submit { [loop, ended] in
            loop.run()
            ended.signal()
        }
        thread.stop()
    }

    deinit { stop() }

    /// Ends the connections, and frees the port.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        loop.stop()
        ended.wait()
    }

    /// Atomic: a reader of the file never sees half a number.
    func publishPort() throws(RuntimeError) {
        guard let portFile else { return }
        do {
            try SmallFile.replace(portFile, with: "\(port)\n")
        } catch {
            throw RuntimeError(.cannotPublishPort, "WINNOW_HTTP_PORT_FILE cannot be written", underlying: error)
        }
    }
}
