import Contracts
import Models
import Synchronization
import Testing

@testable import ModelEndpoint

/// What a try is reserved at, and what it costs in the end.
@Suite struct MoneyTests {
    private static func prices() -> EndpointPrices {
        EndpointPrices([
            EndpointPrice(
                from: Timestamp(milliseconds: 1_000), input: PicoDollars(100), cachedInput: PicoDollars(10),
                output: PicoDollars(1_000)),
            EndpointPrice(
                from: Timestamp(milliseconds: 2_000), input: PicoDollars(200), cachedInput: PicoDollars(20),
                output: PicoDollars(2_000)),
        ])
    }

    @Test func `the reservation counts every byte as a token and the longest answer`() {
        let prices = Self.prices()
        let time = Timestamp(milliseconds: 1_500)
        #expect(prices.reservation(bodyBytes: 30, maxTokens: 5, at: time) == PicoDollars(3_000 + 5_000))
        #expect(prices.reservation(bodyBytes: 0, maxTokens: 0, at: time) == .zero)
    }

    @Test func `the settlement tells cached tokens apart`() {
        let usage = ModelUsage(inputTokens: 10, cachedInputTokens: 4, outputTokens: 3)
        let cost = Self.prices().settlement(of: usage, at: Timestamp(milliseconds: 1_999))
        #expect(cost == PicoDollars(600 + 40 + 3_000))
    }

    @Test(arguments: [(999, 0), (1_000, 100), (1_999, 100), (2_000, 200), (9_999, 200)])
    func `a price holds from its instant to that of the next one`(time: Int64, expected: Int64) {
        let cost = Self.prices().settlement(of: ModelUsage(inputTokens: 1), at: Timestamp(milliseconds: time))
        #expect(cost == PicoDollars(expected))
    }

    @Test func `absurd figures saturate`() {
        let usage = ModelUsage(inputTokens: .max, outputTokens: .max)
        #expect(Self.prices().settlement(of: usage, at: .last) == PicoDollars(.max))
        #expect(Self.prices().reservation(bodyBytes: .max, maxTokens: .max, at: .last) == PicoDollars(.max))
    }

    @Test func `a cached token that costs more than another one is reserved at its own price`() {
        let prices = EndpointPrices([
            EndpointPrice(
                from: Timestamp(milliseconds: 0), input: PicoDollars(1), cachedInput: PicoDollars(2), output: .zero)
        ])
        #expect(prices.reservation(bodyBytes: 10, maxTokens: 9, at: .last) == PicoDollars(20))
    }

    private func rig(_ script: @escaping ScriptedTransport.Script) -> (Rig, ScriptedTransport) {
        Rig.scripted(
            {
                $0.prices = Self.prices()
                $0.retries.most = 0
            }, script)
    }

    @Test func `an answer costs what the server counts`() async throws {
        let (rig, transport) = rig { _, _ in .json(Replies.chat("refund", usage: (10, 3), cached: 4)) }
        let attempt = try await rig.ask("a")[0].attempts[0]
        #expect(attempt.cost == PicoDollars(6 * 200 + 4 * 20 + 3 * 2_000))
        let bytes = Int64(transport.requests[0].body.count)
        #expect(attempt.reserved == PicoDollars(bytes * 200 + 256 * 2_000))
        #expect(attempt.cost < attempt.reserved)
        let text = rig.figures
        #expect(text.contains(#"winnow_gen_ai_client_tokens_total{endpoint="big",token_type="input"} 6"#))
        #expect(text.contains(#"winnow_gen_ai_client_tokens_total{endpoint="big",token_type="cached_input"} 4"#))
        #expect(text.contains(#"winnow_gen_ai_client_tokens_total{endpoint="big",token_type="output"} 3"#))
        #expect(text.contains(#"winnow_endpoint_requests_total{endpoint="big",outcome="answered"} 1"#))
    }

    @Test func `the ledger is told of each try before it is made, and each try has its ticket`() async throws {
        let ledger = TestLedger()
        let (rig, transport) = Rig.scripted({
            $0.prices = Self.prices()
            $0.retries.most = 1
        }) { _, number in
            ledger.note("request \(number)")
            return number == 1 ? .json("{}", status: 500) : .json(Replies.chat("refund"))
        }
        let output = try await rig.endpoint.answer([.text("a")], as: Rig.refund, on: ledger)[0]
        #expect(ledger.events == ["begin 1", "request 1", "begin 2", "request 2"])
        #expect(output.attempts.map(\.ticket) == [1, 2])
        let reserved = Int64(transport.requests[0].body.count) * 200 + 256 * 2_000
        #expect(ledger.most == [PicoDollars(reserved), PicoDollars(reserved)])
    }

    @Test func `a try that the ledger does not allow is not made, and its place is free again`() async throws {
        let ledger = TestLedger(allows: 1)
        let (rig, transport) = Rig.scripted({ $0.gate.maxInFlight = 1 }) { _, _ in .json(Replies.chat("refund")) }
        let error = await #expect(throws: ModelError.self) {
            try await rig.endpoint.answer([.text("a"), .text("b")], as: Rig.refund, on: ledger)
        }
        #expect(error?.code == .notAllowed)
        #expect(error?.outputs.map { $0?.answer } == [.label("refund"), nil])
        #expect(transport.requests.count == 1)
        #expect(try await rig.ask("c")[0].answer == .label("refund"))
    }

    @Test(arguments: [nil, (-1, 2), (10, Int.max)])
    func `tokens that the server does not tell are estimated, and marked`(usage: (Int, Int)?) async throws {
        let (rig, transport) = rig { _, _ in .json(Replies.chat("refund", usage: usage)) }
        let attempt = try await rig.ask("a")[0].attempts[0]
        #expect(attempt.usage.isEstimated)
        #expect(attempt.usage.inputTokens == Int64((transport.requests[0].body.count + 2) / 3))
        #expect(attempt.usage.outputTokens == 2)
        #expect(attempt.cost == PicoDollars(attempt.usage.inputTokens * 200 + 4_000))
        #expect(rig.figures.contains(#"winnow_endpoint_usage_missing_total{endpoint="big"} 1"#))
    }

    @Test func `lost usage with probabilities is counted in tokens`() async throws {
        let logprobs = Replies.logprobs((0..<5).map { _ in ("re", 0, []) })
        let (rig, _) = rig { _, _ in .json(Replies.chat("refund", usage: nil, logprobs: logprobs)) }
        #expect(try await rig.ask("a")[0].usage.outputTokens == 5)
    }

    @Test func `a try that broke after it was sent costs what it may have cost`() async throws {
        let (rig, _) = rig { _, _ in throw TransportError(code: .connectionLost, message: "lost", wasSent: true) }
        let attempt = try #require(await rig.error("a")?.attempts.first)
        #expect(attempt.state == .unknown)
        #expect(attempt.cost == attempt.reserved)
        #expect(attempt.cost > .zero)
        #expect(attempt.usage.isEstimated)
        #expect(attempt.usage.outputTokens == 256)
    }

    @Test func `a try that never left costs nothing`() async throws {
        let (rig, _) = rig { _, _ in throw TransportError(code: .unreachable, message: "no", wasSent: false) }
        let attempt = try #require(await rig.error("a")?.attempts.first)
        #expect(attempt.state == .failed)
        #expect(attempt.cost == .zero)
        #expect(attempt.reserved > .zero)
        #expect(attempt.usage.inputTokens == 0)
    }

    @Test(arguments: [(400, false), (401, false), (429, false), (500, false), (503, false), (502, true), (504, true)])
    func `an error of the server costs nothing, and one of a gateway what it may have cost`(
        status: Int, mayCost: Bool
    ) async throws {
        let (rig, _) = rig { _, _ in .json("{}", status: status) }
        let attempt = try #require(await rig.error("a")?.attempts.first)
        #expect(attempt.cost == (mayCost ? attempt.reserved : .zero))
    }

    @Test func `a refusal costs what the server counts, and a garbled response what it may have cost`() async throws {
        let refusal = """
            {"choices":[{"message":{"content":null,"refusal":"no"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}
            """
        let (refusing, _) = rig { _, _ in .json(refusal) }
        let refused = try #require(await refusing.error("a")?.attempts.first)
        #expect(refused.state == .failed)
        #expect(refused.cost == PicoDollars(5 * 200 + 2_000))
        let (garbling, _) = rig { _, _ in .json("{") }
        let garbled = try #require(await garbling.error("a")?.attempts.first)
        #expect(garbled.state == .unknown)
        #expect(garbled.cost == garbled.reserved)
    }
}

/// Gives out tickets from 1, as many as it may.
private final class TestLedger: CallLedger {
    private let state = Mutex<(events: [String], most: [PicoDollars])>(([], []))
    private let limit: Int

    init(allows limit: Int = .max) { self.limit = limit }

    var events: [String] { state.withLock(\.events) }
    var most: [PicoDollars] { state.withLock(\.most) }

    func note(_ event: String) { state.withLock { $0.events.append(event) } }

    func begin(_ model: ModelIdentity, most: PicoDollars, inputs: Int) async throws(ModelError) -> Int {
        let ticket = state.withLock { state in
            state.most.append(most)
            state.events.append("begin \(state.most.count)")
            return state.most.count
        }
        guard ticket <= limit else { throw ModelError(.notAllowed, "no", isRetriable: false) }
        return ticket
    }
}
