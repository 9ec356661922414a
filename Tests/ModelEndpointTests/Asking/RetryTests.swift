import Models
import Synchronization
import Testing

@testable import ModelEndpoint

/// Which failures are tried again, when, and until when. The clock jumps over every pause.
@Suite struct RetryTests {
    private static let good = HTTPReply.json(Replies.chat("refund"))

    @Test(arguments: [408, 409, 429, 500, 502, 503, 504, 529])
    func `a status that may pass is tried again`(status: Int) async throws {
        let clock = SkippingClock()
        let (rig, transport) = Rig.scripted(clock: clock) { _, number in
            number < 3 ? .json("{}", status: status) : Self.good
        }
        let output = try await rig.ask("a")[0]
        #expect(output.answer == .label("refund"))
        #expect(transport.requests.count == 3)
        #expect(clock.pauses == [.milliseconds(250), .milliseconds(500)])
        let failed: ModelAttempt.State = [502, 504].contains(status) ? .unknown : .failed
        #expect(output.attempts.map(\.state) == [failed, failed, .answered])
        #expect(rig.figures.contains("winnow_endpoint_retries_total"))
    }

    @Test(arguments: [
        (400, ModelError.Code.requestRejected), (401, .unauthorized), (402, .unauthorized), (403, .unauthorized),
        (404, .notFound), (413, .requestRejected), (422, .requestRejected), (418, .requestRejected),
        (307, .redirected), (204, .malformedResponse),
    ])
    func `a status that will not pass is not tried again`(status: Int, code: ModelError.Code) async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json("{}", status: status) }
        let error = await rig.error("a")
        #expect(error?.code == code)
        #expect(error?.status == status)
        #expect(error?.isRetriable == (status == 204))
        #expect(transport.requests.count == 1)
        #expect(error?.attempts.map(\.error) == [code])
    }

    @Test(arguments: [
        (TransportError.Code.unreachable, 4), (.timedOut, 4), (.connectionLost, 4), (.tls, 1), (.tooLarge, 1),
        (.tooSlow, 1), (.malformed, 1), (.misconfigured, 1),
    ])
    func `only a broken connection that may pass is tried again`(code: TransportError.Code, tries: Int) async throws {
        let (rig, transport) = Rig.scripted { _, _ in
            throw TransportError(code: code, message: "broken", wasSent: false)
        }
        let error = await rig.error("a")
        #expect(error?.attempts.count == tries)
        #expect(transport.requests.count == tries)
    }

    @Test(arguments: [("Retry-After", "7"), ("Retry-After", "Tue, 14 Nov 2023 22:13:27 GMT")])
    func `a server's wish to wait is honoured, in seconds and as a date`(name: String, value: String) async throws {
        let clock = SkippingClock()
        let (rig, _) = Rig.scripted(clock: clock) { _, number in
            number == 1 ? .json("{}", status: 429, fields: [name.lowercased(): value]) : Self.good
        }
        _ = try await rig.ask("a")
        #expect(clock.pauses == [.seconds(7)])
    }

    @Test(arguments: [("7", 7), ("Thu, 01 Jan 2099 00:00:07 GMT", 7)])
    func `the field is read from a real response`(value: String, seconds: Int) async throws {
        let server = try MockServer { exchange in
            exchange.respond(
                429, "{}", fields: ["RETRY-AFTER:  \(value) ", "Date: Thu, 01 Jan 2099 00:00:00 GMT"])
        }
        let error = try await Rig.over(server).error("a")
        #expect(error?.code == .rateLimited)
        #expect(error?.retryAfter == .seconds(seconds))
        #expect(error?.isRetriable == true)
    }

    @Test func `a server that asks for too long a pause makes the call fail, and the error says how long`() async throws
    {
        let (rig, transport) = Rig.scripted { _, _ in .json("{}", status: 429, fields: ["retry-after": "3600"]) }
        let error = await rig.error("a")
        #expect(error?.code == .rateLimited)
        #expect(error?.retryAfter == .seconds(3600))
        #expect(transport.requests.count == 1)
    }

    @Test func `no try begins after the deadline, and no pause goes beyond it`() async throws {
        let clock = SkippingClock()
        let (rig, transport) = Rig.scripted(clock: clock) { _, _ in .json("{}", status: 503) }
        var question = Rig.refund
        // The first pause is 250 ms, and the second one 500 ms.
        question.deadline = clock.now + .milliseconds(700)
        let error = await rig.error("a", as: question)
        #expect(error?.code == .serverError)
        #expect(transport.requests.count == 2)
        #expect(clock.pauses == [.milliseconds(250)])

        question.deadline = clock.now
        let late = await rig.error("a", as: question)
        #expect(late?.code == .deadlineExceeded)
        #expect(late?.isRetriable == false)
        #expect(transport.requests.count == 2)
    }

    @Test func `a try lasts no longer than the deadline, and then it is too late, not the server too slow`()
        async throws
    {
        let clock = SkippingClock()
        let (rig, transport) = Rig.scripted(clock: clock) { request, _ in
            throw TransportError(code: .timedOut, message: "\(request.timeouts.whole)", wasSent: true)
        }
        var question = Rig.refund
        question.deadline = clock.now + .seconds(3)
        #expect(await rig.error("a", as: question)?.code == .deadlineExceeded)
        let timeouts = try #require(transport.requests.first?.timeouts)
        #expect(
            timeouts
                == HTTPRequest.Timeouts(
                    connect: .seconds(3), firstByte: .seconds(3), body: .seconds(3), whole: .seconds(3)))
        // The caller's haste says nothing about the server.
        for _ in 0..<10 { _ = await rig.error("a", as: question) }
        #expect(rig.endpoint.gate.breakerState == .closed)
    }

    @Test func `failures in a row open the circuit, and the next call fails at once without a request`() async throws {
        let (rig, transport) = Rig.scripted { _, _ in .json("{}", status: 500) }
        _ = await rig.error("a")
        let error = await rig.error("a")
        #expect(error?.code == .circuitOpen)
        // Four tries of the first call, and one of the second.
        #expect(transport.requests.count == 5)
        let at = await rig.error("a")
        #expect(at?.code == .circuitOpen)
        #expect(at?.attempts == [])
        #expect(transport.requests.count == 5)
        #expect(rig.log.contains("Endpoint circuit opened"))
    }

    @Test(arguments: [400, 401, 404, 429])
    func `a server that refuses is healthy`(status: Int) async throws {
        let (rig, _) = Rig.scripted({ $0.retries.most = 0 }) { _, _ in .json("{}", status: status) }
        for _ in 0..<30 { _ = await rig.error("a") }
        #expect(rig.endpoint.gate.breakerState == .closed)
    }
}
