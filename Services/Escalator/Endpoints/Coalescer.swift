import Contracts

/// Makes few big calls of many small ones: what arrives while a call is under way goes into the next one together.
///
/// Hundreds of calls of models end independently of each other. A transaction for each would keep the database busy
/// with commits.
actor Coalescer<Input: Sendable, Output: Sendable> {
    typealias Body = @Sendable ([Input]) async throws -> [Output]

    private struct Waiting {
        let input: Input
        let continuation: CheckedContinuation<Output, any Error>
    }

    private let most: Int
    private let body: Body
    private var waiting: [Waiting] = []
    private var isRunning = false

    /// - Parameters:
    ///   - most: how many inputs a call has at most.
    ///   - body: returns an output for each input, in order.
    init(most: Int = 64, _ body: @escaping Body) {
        self.most = most
        self.body = body
    }

    /// How many inputs wait for the next call.
    var waitingCount: Int { waiting.count }

    /// Does not end early if the task is cancelled: what a call has cost must be written all the same.
    func run(_ input: Input) async throws -> Output {
        try await withCheckedThrowingContinuation { continuation in
            waiting.append(Waiting(input: input, continuation: continuation))
            guard !isRunning else { return }
            isRunning = true
            // Not a child of the caller, whose cancellation must not end the calls of others.
            Task { await drain() }
        }
    }

    private func drain() async {
        while !waiting.isEmpty {
            let batch = Array(waiting.prefix(most))
            waiting.removeFirst(batch.count)
            await call(batch)
        }
        isRunning = false
    }

    /// Bisects the batch if one of its inputs is at fault, so that the others do not fail with it.
    private func call(_ batch: [Waiting]) async {
        do {
            let outputs = try await body(batch.map(\.input))
            for (waiting, output) in zip(batch, outputs) { waiting.continuation.resume(returning: output) }
        } catch {
            let isTemporary = (error as? any RetriableError)?.isRetriable ?? false
            guard batch.count > 1, !isTemporary else {
                for waiting in batch { waiting.continuation.resume(throwing: error) }
                return
            }
            await call(Array(batch[..<(batch.count / 2)]))
            await call(Array(batch[(batch.count / 2)...]))
        }
    }
}
