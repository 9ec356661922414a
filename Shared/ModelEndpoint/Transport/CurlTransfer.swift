import CCurl

/// One transfer of libcurl, from its options to its result. It owns the handle and the list of header fields.
///
/// `@unchecked Sendable`: only the driver's thread touches it after `init`.
final class CurlTransfer: @unchecked Sendable {
    typealias Completion = @Sendable (Result<HTTPReply, any Error>) -> Void

    let handle: UnsafeMutableRawPointer
    private let fieldList: UnsafeMutablePointer<curl_slist>?
    private let completion: Completion
    private let timeouts: HTTPRequest.Timeouts
    private let startedAt = ContinuousClock.now
    private var firstByteAt: ContinuousClock.Instant?
    private var reply = HTTPReply(status: 0)
    private var fieldBytes = 0
    private var isTooLarge = false

    /// - Throws: `TransportError` if libcurl refuses an option, for example a proxy that is no URL.
    init(_ request: HTTPRequest, completion: @escaping Completion) throws(TransportError) {
        guard let handle = curl_easy_init() else { throw Self.refused }
        self.handle = handle
        self.completion = completion
        timeouts = request.timeouts
        var list: UnsafeMutablePointer<curl_slist>?
        // A request above 1 MiB would otherwise wait for the server's permission.
        for field in request.fields.map({ "\($0.name): \($0.value)" }) + ["Expect:"] {
            guard let longer = curl_slist_append(list, field) else { continue }
            list = longer
        }
        fieldList = list
        guard setOptions(request) else { throw Self.refused }
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_slist_free_all(fieldList)
    }

    private static let refused = TransportError(
        code: .misconfigured, message: "libcurl refuses the URL, the proxy or another option", wasSent: false)

    /// - Returns: `false` if libcurl refuses an option.
    private func setOptions(_ request: HTTPRequest) -> Bool {
        let context = Unmanaged.passUnretained(self).toOpaque()
        var codes = [
            winnow_curl_set_text(handle, CURLOPT_URL, request.url),
            winnow_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https"),
            winnow_curl_set_long(handle, CURLOPT_POST, 1),
            winnow_curl_set_fields(handle, fieldList),
            winnow_curl_set_receivers(handle, receivedField, receivedBody, context),
            // Signals would disturb the process, and a thread resolves names anyway.
            winnow_curl_set_long(handle, CURLOPT_NOSIGNAL, 1),
            // A redirect would send the prompt, and perhaps the key, to somebody else.
            winnow_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0),
            winnow_curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1),
            winnow_curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2),
            winnow_curl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
            winnow_curl_set_long(handle, CURLOPT_HTTP09_ALLOWED, 0),
            // Connections that idle for longer are often dead, and libcurl would send the request twice.
            winnow_curl_set_long(handle, CURLOPT_MAXAGE_CONN, 20),
            // Each transfer has its own buffers while it waits, for seconds, and hundreds wait. Requests and responses
            // have a few kilobytes.
            winnow_curl_set_long(handle, CURLOPT_BUFFERSIZE, 4 << 10),
            winnow_curl_set_long(handle, CURLOPT_UPLOAD_BUFFERSIZE, 16 << 10),
            // Set, even if empty, it replaces what the environment says.
            winnow_curl_set_text(handle, CURLOPT_PROXY, request.proxy ?? ""),
            winnow_curl_set_text(handle, CURLOPT_NOPROXY, ""),
            winnow_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, timeouts.connect.milliseconds),
            winnow_curl_set_long(handle, CURLOPT_TIMEOUT_MS, timeouts.whole.milliseconds),
            request.body.withUnsafeBytes { winnow_curl_set_body(handle, $0.baseAddress, $0.count) },
        ]
        if let file = request.certificates { codes.append(winnow_curl_set_text(handle, CURLOPT_CAINFO, file)) }
        return codes.allSatisfy { $0 == CURLE_OK }
    }

    /// The instant at which the driver must look at this transfer again. libcurl itself knows no limit for the first
    /// byte, and none for the rest.
    var deadline: ContinuousClock.Instant {
        firstByteAt.map { $0 + timeouts.body } ?? startedAt + timeouts.firstByte
    }

    /// No later `deadline` is earlier. The first byte may come at once, and then the rest has its own time.
    func earliestDeadline(at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        firstByteAt == nil ? min(deadline, now + timeouts.body) : deadline
    }

    private var hasSent: Bool { winnow_curl_info_long(handle, CURLINFO_REQUEST_SIZE) > 0 }

    func cancel() { completion(.failure(CancellationError())) }

    /// Ends the transfer because its `deadline` has passed.
    func expire() {
        completion(
            .failure(
                firstByteAt == nil
                    ? TransportError(
                        code: .timedOut, message: "no byte of a response within \(timeouts.firstByte)",
                        wasSent: hasSent)
                    : TransportError(
                        code: .tooSlow, message: "the response took longer than \(timeouts.body) after its first byte",
                        wasSent: true)))
    }

    func end(_ code: CURLcode) {
        guard code == CURLE_OK else { return completion(.failure(failure(code))) }
        reply.status = winnow_curl_info_long(handle, CURLINFO_RESPONSE_CODE)
        completion(.success(reply))
    }

    private func failure(_ code: CURLcode) -> TransportError {
        func error(_ code: TransportError.Code, _ message: String) -> TransportError {
            TransportError(code: code, message: message, wasSent: hasSent)
        }
        if isTooLarge { return error(.tooLarge, "the response is larger than \(HTTPReply.mostBytes) bytes") }
        let reason = String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY:
            return error(.unreachable, reason)
        case CURLE_OPERATION_TIMEDOUT:
            return hasSent
                ? error(.timedOut, "no whole response within \(timeouts.whole)")
                : error(.timedOut, "no connection within \(timeouts.connect)")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CRL_BADFILE, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return error(.tls, reason)
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE:
            return error(.connectionLost, reason)
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_NOT_BUILT_IN, CURLE_BAD_FUNCTION_ARGUMENT:
            return error(.misconfigured, reason)
        default: return error(.malformed, reason)
        }
    }

    /// - Returns: `false` to end the transfer.
    fileprivate func receive(field bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        noteByte()
        fieldBytes += bytes.count
        isTooLarge = isTooLarge || fieldBytes > HTTPReply.mostFieldBytes
        guard !isTooLarge, let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return !isTooLarge }
        let name = String(decoding: bytes[..<colon], as: UTF8.self).lowercased()
        let value = String(decoding: bytes[bytes.index(after: colon)...], as: UTF8.self)
        if reply.fields[name] == nil { reply.fields[name] = value.trimmingWhitespace }
        return true
    }

    /// - Returns: `false` to end the transfer.
    fileprivate func receive(body bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        noteByte()
        isTooLarge = isTooLarge || reply.body.count + bytes.count > HTTPReply.mostBytes
        guard !isTooLarge else { return false }
        reply.body.append(contentsOf: bytes)
        return true
    }

    private func noteByte() { if firstByteAt == nil { firstByteAt = .now } }
}

/// Called by libcurl with one line of the header. Its last line is empty.
private func receivedField(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    received(bytes, size * count, context) { $0.receive(field: $1) }
}

private func receivedBody(
    bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
    received(bytes, size * count, context) { $0.receive(body: $1) }
}

/// - Returns: the number of bytes that were taken. Any other number than `count` ends the transfer.
private func received(
    _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
    _ body: (CurlTransfer, UnsafeBufferPointer<UInt8>) -> Bool
) -> Int {
    guard let bytes, let context, count > 0 else { return count }
    let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
    let isTaken = bytes.withMemoryRebound(to: UInt8.self, capacity: count) {
        body(transfer, UnsafeBufferPointer(start: $0, count: count))
    }
    return isTaken ? count : 0
}

extension Duration {
    /// At least one: libcurl takes zero for no limit, or for its own.
    var milliseconds: Int { max(1, Int((self / .milliseconds(1)).rounded(.up))) }
}

extension StringProtocol {
    var trimmingWhitespace: String {
        var text = self[...].drop { $0.isWhitespace }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
