import Contracts
import Models
import Telemetry
import Testing

@testable import ModelEndpoint

@Suite struct FallbackTests {
    private func models(_ script: @escaping ScriptedTransport.Script) -> EndpointSet {
        let configurations = [("big", ["spare", "last"]), ("spare", []), ("last", [])].map { name, fallbacks in
            var configuration = EndpointConfiguration(name: name, baseURL: "http://\(name)/v1", model: name)
            configuration.fallbacks = fallbacks
            configuration.topLogprobs = 0
            configuration.retries.most = 1
            return configuration
        }
        return EndpointSet(
            configurations,
            EndpointEnvironment(
                transport: ScriptedTransport(script), clock: SkippingClock(), jitter: { 0 }, metrics: Metrics(),
                logger: Logger(service: "test") { _ in }))
    }

    @Test func `a fallback answers what the model cannot, says who it is, and no try is lost`() async throws {
        let models = models { request, _ in
            request.url.hasPrefix("http://last/") ? .json(Replies.chat("refund")) : .json("{}", status: 503)
        }
        let model = try #require(models.model(named: "endpoint:big"))
        let output = try await model.answer([.text("a")], as: Rig.refund)[0]
        #expect(model.identity.name == "endpoint:big")
        #expect(output.model.name == "endpoint:last")
        #expect(output.attempts.map(\.model.name) == ["big", "big", "spare", "spare", "last"].map { "endpoint:\($0)" })
    }

    @Test func `only what is still open goes to the fallback`() async throws {
        let models = models { request, _ in
            let isPoison = String(decoding: request.body, as: UTF8.self).contains("poison")
            return request.url.hasPrefix("http://big/") && isPoison
                ? .json("{}", status: 503) : .json(Replies.chat("refund"))
        }
        let model = try #require(models.model(named: "endpoint:big"))
        let outputs = try await model.answer([.text("a"), .text("poison"), .text("c")], as: Rig.refund)
        #expect(outputs.map(\.model.name) == ["endpoint:big", "endpoint:spare", "endpoint:big"])
        #expect(outputs.map(\.attempts.count) == [1, 3, 1])
    }

    @Test(arguments: [400, 422])
    func `a question that is wrong is wrong everywhere`(status: Int) async throws {
        let models = models { request, _ in
            request.url.hasPrefix("http://big/") ? .json("{}", status: status) : .json(Replies.chat("refund"))
        }
        let error = await #expect(throws: ModelError.self) {
            try await models.model(named: "endpoint:big")?.answer([.text("a")], as: Rig.refund)
        }
        #expect(error?.code == .requestRejected)
    }

    @Test func `if all fail, the last error has the tries of all`() async throws {
        let models = models { _, _ in .json("{}", status: 500) }
        let error = await #expect(throws: ModelError.self) {
            try await models.model(named: "endpoint:big")?.answer([.text("a")], as: Rig.refund)
        }
        #expect(error?.code == .serverError)
        #expect(
            error?.attempts.map(\.model.name)
                == ["big", "big", "spare", "spare", "last", "last"].map { "endpoint:\($0)" })
        #expect(models.model(named: "none") == nil)
    }
}
