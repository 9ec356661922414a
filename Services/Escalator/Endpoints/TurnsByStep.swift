import Contracts
import Synchronization

/// Lets copies of a step's escalation be handled one after the other.
///
/// A copy comes when a request is re-driven, or when the broker has lost its offsets, and the first one may still be
/// under way. Handled beside it, the copy would ask, and pay, again. After it, the copy finds the kept answers.
final class TurnsByStep: Sendable {
    /// Those that wait, by the step that is being handled.
    private let waiting = Mutex<[Step.ID: [CheckedContinuation<Void, Never>]]>([:])

    /// How many copies of a step wait.
    func count(of step: Step.ID) -> Int { waiting.withLock { $0[step]?.count ?? 0 } }

    /// Runs `body` when no other copy of the step is handled.
    func take<Result>(_ step: Step.ID, _ body: () async throws -> Result) async rethrows -> Result {
        await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                guard waiting[step] == nil else {
                    waiting[step]?.append(continuation)
                    return false
                }
                waiting[step] = []
                return true
            }
            if isFirst { continuation.resume() }
        }
        defer { leave(step) }
        return try await body()
    }

    private func leave(_ step: Step.ID) {
        let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
            guard let line = waiting[step], !line.isEmpty else {
                waiting[step] = nil
                return nil
            }
            return waiting[step]?.removeFirst()
        }
        next?.resume()
    }
}
