import CMicroHTTPD
import Settings

/// Answers short requests on a thread of its own, so that health is told even when every other thread is busy.
///
/// `@unchecked Sendable`: the daemon is touched by `init` and `stop` only, and `answer` is `@Sendable`.
final class HTTPServer: @unchecked Sendable {
    typealias Answer = @Sendable (_ method: String, _ path: String) -> HTTPResponse

    private static let maxConnections: UInt32 = 64
    private static let timeoutSeconds: UInt32 = 10

    let port: Int
    private let portFile: String?
    private let answer: Answer
    private var daemon: OpaquePointer?

    init(_ settings: HTTPSettings, answer: @escaping Answer) throws(RuntimeError) {
        let socket = try ListenSocket(host: settings.host, port: settings.port)
        self.port = socket.port
        self.portFile = settings.portFile
        self.answer = answer
        daemon = winnow_mhd_start(
            socket.descriptor, Self.maxConnections, Self.timeoutSeconds, received,
            Unmanaged.passUnretained(self).toOpaque())
        guard daemon != nil else {
            socket.close()
            throw RuntimeError(.cannotListen, "no HTTP server can be started on \(settings.host):\(port)")
        }
    }

    deinit { stop() }

    /// Finishes what is being answered, and frees the port.
    func stop() {
        guard let daemon else { return }
        MHD_stop_daemon(daemon)
        self.daemon = nil
    }

    /// Atomic: who waits for the file never reads half a number.
    func publishPort() throws(RuntimeError) {
        guard let portFile else { return }
        do {
            try SmallFile.replace(portFile, with: "\(port)\n")
        } catch {
            throw RuntimeError(.cannotPublishPort, "WINNOW_HTTP_PORT_FILE cannot be written", underlying: error)
        }
    }

    fileprivate func respond(to connection: OpaquePointer, _ method: String, _ path: String) -> MHD_Result {
        let response = answer(method, path)
        var body = response.body
        return body.withUTF8 { bytes in
            winnow_mhd_answer(
                connection, response.status, response.contentType, response.allow, bytes.baseAddress, bytes.count)
        }
    }
}

/// Called on the daemon's thread; a body that comes with the request is not read.
private func received(
    context: UnsafeMutableRawPointer?, connection: OpaquePointer?, path: UnsafePointer<CChar>?,
    method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?, upload: UnsafePointer<CChar>?,
    uploadCount: UnsafeMutablePointer<Int>?, state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let context, let connection, let path, let method else { return winnow_mhd_refused }
    return Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        .respond(to: connection, String(cString: method), String(cString: path))
}
