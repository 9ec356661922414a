import Contracts
import Models
import Synchronization
import Telemetry

@testable import ModelEndpoint

/// A transport that answers as a test tells it, and remembers what it was asked.
final class ScriptedTransport: HTTPTransport {
    typealias Script = @Sendable (_ request: HTTPRequest, _ number: Int) async throws -> HTTPReply

    private let script: Script
    private let seen = Mutex<[HTTPRequest]>([])

    init(_ script: @escaping Script) { self.script = script }

    var requests: [HTTPRequest] { seen.withLock { $0 } }
    var bodies: [String] { requests.map { String(decoding: $0.body, as: UTF8.self) } }

    func send(_ request: HTTPRequest) async throws -> HTTPReply {
        let number = seen.withLock { seen in
            seen.append(request)
            return seen.count
        }
        return try await script(request, number)
    }
}

extension HTTPReply {
    static func json(_ body: String, status: Int = 200, fields: [String: String] = [:]) -> HTTPReply {
        HTTPReply(
            status: status, fields: ["content-type": "application/json"].merging(fields) { $1 }, body: Array(body.utf8))
    }
}

/// An endpoint with everything that a test looks at.
struct Rig {
    static let refund = Question(
        task: "shop/intent", description: "What does the customer want?",
        kind: .labels([
            Question.Label("refund", description: "money back"), Question.Label("return"), Question.Label("other"),
        ]))

    let endpoint: Endpoint
    let clock: any EndpointClock
    let metrics = Metrics()

    /// All metrics as text.
    var figures: String { metrics.render() }
    /// What was logged.
    var log: String { sink.text }
    private let sink = Sink()

    private final class Sink: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        @Sendable func append(_ line: [UInt8]) { bytes.withLock { $0 += line } }
        var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
    }

    init(
        _ transport: any HTTPTransport, url: String = "http://127.0.0.1:1/v1",
        clock: any EndpointClock = SkippingClock(), _ change: (inout EndpointConfiguration) -> Void = { _ in }
    ) {
        var configuration = EndpointConfiguration(name: "big", baseURL: url, model: "big-1")
        configuration.topLogprobs = 0
        change(&configuration)
        self.clock = clock
        endpoint = Endpoint(
            configuration,
            EndpointEnvironment(
                transport: transport, clock: clock, jitter: { 0 }, metrics: metrics,
                logger: Logger(service: "test", level: .debug, sink: sink.append)))
    }

    /// An endpoint over a real connection to the server.
    static func over(
        _ server: MockServer, _ change: (inout EndpointConfiguration) -> Void = { _ in }
    ) throws -> Rig {
        Rig(try CurlDriver(), url: server.url) { configuration in
            configuration.retries.most = 0
            change(&configuration)
        }
    }

    static func scripted(
        clock: any EndpointClock = SkippingClock(), _ change: (inout EndpointConfiguration) -> Void = { _ in },
        _ script: @escaping ScriptedTransport.Script
    ) -> (rig: Rig, transport: ScriptedTransport) {
        let transport = ScriptedTransport(script)
        return (Rig(transport, clock: clock, change), transport)
    }

    func ask(_ texts: String..., as question: Question = Rig.refund) async throws -> [ModelOutput] {
        try await endpoint.answer(texts.map { .text($0) }, as: question)
    }

    /// The error of a question that must fail.
    func error(_ texts: String..., as question: Question = Rig.refund) async -> ModelError? {
        do {
            _ = try await endpoint.answer(texts.map { .text($0) }, as: question)
            return nil
        } catch {
            return error as? ModelError
        }
    }
}
