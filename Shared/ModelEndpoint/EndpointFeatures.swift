import JSON
import Synchronization

/// What a server has shown that it cannot do. It is remembered until the process ends.
final class EndpointFeatures: Sendable {
    enum Feature: String, CaseIterable, Sendable {
        /// Answers that the server forces into a JSON Schema.
        case responseFormat = "response_format"
        /// Probabilities of tokens.
        case logprobs
    }

    private struct State {
        var refused: Set<Feature> = []
        var dropsLogprobs = false
    }

    private let state = Mutex(State())

    func allows(_ feature: Feature) -> Bool { state.withLock { !$0.refused.contains(feature) } }

    /// Whether the last answer came without the probabilities that were asked for.
    var dropsLogprobs: Bool { state.withLock(\.dropsLogprobs) }

    /// - Returns: whether this is new.
    func note(logprobsAreMissing areMissing: Bool) -> Bool {
        state.withLock { state in
            defer { state.dropsLogprobs = areMissing }
            return state.dropsLogprobs != areMissing
        }
    }

    /// Finds the feature that a response with status 400 refuses, and remembers it. A server names the field of the
    /// request that it does not accept.
    /// - Parameter used: the features that the request used.
    func refusal(in body: [UInt8], used: [Feature]) -> Feature? {
        let text = String(decoding: body.prefix(64 << 10), as: UTF8.self).lowercased()
        let names: [Feature: [String]] = [
            .logprobs: ["logprobs"], .responseFormat: ["response_format", "json_schema", "guided_json"],
        ]
        // A message about `top_logprobs` is never about the format, and the reverse.
        guard let feature = used.first(where: { names[$0]?.contains { text.contains($0) } == true }) else { return nil }
        state.withLock { _ = $0.refused.insert(feature) }
        return feature
    }
}
