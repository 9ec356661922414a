import Models
import Synchronization

/// What the calls of one question have brought so far: the answers, the failures, and every try exactly once.
final class AnswerSheet: Sendable {
    private struct State {
        var outputs: [ModelOutput?]
        /// The tries that are listed at each input.
        var attempts: [[ModelAttempt]]
        var failures: [Int: ModelError] = [:]
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(
            State(outputs: Array(repeating: nil, count: count), attempts: Array(repeating: [], count: count)))
    }

    func add(_ attempts: [ModelAttempt], at input: Int) { state.withLock { $0.attempts[input] += attempts } }

    func answer(_ output: ModelOutput, at input: Int) { state.withLock { $0.outputs[input] = output } }

    func fail(_ error: ModelError, at inputs: [Int]) {
        state.withLock { state in for input in inputs { state.failures[input] = error } }
    }

    /// The failure that every further call would meet as well.
    var obstacle: ModelError? {
        state.withLock { state in state.failures.values.first { Self.obstacles.contains($0.code) } }
    }

    private static let obstacles: Set<ModelError.Code> = [
        .circuitOpen, .keyUnreadable, .unauthorized, .notFound, .redirected, .tls, .cancelled, .deadlineExceeded,
        .notAllowed,
    ]

    /// - Throws: `ModelError`, that of the first input that was not answered, with everything that was paid for.
    func outputs() throws(ModelError) -> [ModelOutput] {
        let state = state.withLock { $0 }
        let outputs = zip(state.outputs, state.attempts).map { output, attempts -> ModelOutput? in
            var output = output
            output?.attempts = attempts
            return output
        }
        guard let first = state.failures.min(by: { $0.key < $1.key }) else { return outputs.compactMap { $0 } }
        var error = first.value
        error.outputs = outputs
        error.attempts = zip(outputs, state.attempts).flatMap { output, attempts in output == nil ? attempts : [] }
        throw error
    }
}
