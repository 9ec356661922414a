import Contracts

/// Makes few big calls of many small ones: what arrives while a call is under way goes into the next one together.
///
/// Hundreds of calls of models end independently of each other. A transaction for each would keep the database busy
/// with commits.
///
/// There is no task of its own: whoever comes while no call is under way makes it, for all that wait by then, and hands
/// the next call over to one of those who have come meanwhile.
actor Coalescer<Input: Sendable, Output: Sendable> {
    typealias Body = @Sendable ([Input]) async throws -> [Output]

    private enum Turn: Sendable {
        case done(Result<Output, any Error>)
        /// The next call is this caller's to make. Its own input is the first one of it.
        case leads
    }

    private struct Waiting {
        let input: Input
        /// `nil` for the caller that makes the call.
        let continuation: CheckedContinuation<Turn, Never>?
    }

    private let most: Int
    private let body: Body
    private var waiting: [Waiting] = []
    private var isRunning = false

    /// - Parameters:
    ///   - most: how many inputs a call has at most.
    ///   - body: returns an output for each input, in order. It must not end early if its task is cancelled, since that
    ///     would end the calls of others.
    init(most: Int = 64, _ body: @escaping Body) {
        self.most = most
        self.body = body
    }

    /// How many inputs wait for the next call.
    var waitingCount: Int { waiting.count }

    /// Does not end early if the task is cancelled: what a call has cost must be written all the same.
    func run(_ input: Input) async throws -> Output {
        var batch: [Waiting]
        if isRunning {
            let turn = await withCheckedContinuation { continuation in
                waiting.append(Waiting(input: input, continuation: continuation))
            }
            if case .done(let result) = turn { return try result.get() }
            batch = Array(waiting.prefix(most))
            waiting.removeFirst(batch.count)
        } else {
            isRunning = true
            batch = [Waiting(input: input, continuation: nil)]
        }
        let results = await call(batch.map(\.input))
        for (other, result) in zip(batch, results).dropFirst() {
            other.continuation?.resume(returning: .done(result))
        }
        if let next = waiting.first { next.continuation?.resume(returning: .leads) } else { isRunning = false }
        return try results[0].get()
    }

    /// Bisects the inputs if one of them is at fault, so that the others do not fail with it.
    private func call(_ inputs: [Input]) async -> [Result<Output, any Error>] {
        do {
            return try await body(inputs).map { .success($0) }
        } catch {
            let isTemporary = (error as? any RetriableError)?.isRetriable ?? false
            guard inputs.count > 1, !isTemporary else { return inputs.map { _ in .failure(error) } }
            let middle = inputs.count / 2
            return await call(Array(inputs[..<middle])) + call(Array(inputs[middle...]))
        }
    }
}
