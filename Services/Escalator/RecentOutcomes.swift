import Contracts
import Synchronization

/// The steps that were answered last, so that one asked again is not paid for again: a repeated request, or one that was
/// driven anew while its escalation still waited. After a restart it is empty, and a repetition is a call of its own.
final class RecentOutcomes: Sendable {
    /// Of the question only its hash is kept: the texts of a thousand steps are megabytes.
    private struct Answered: Sendable {
        let question: Int
        let answers: [Answer?]
    }

    private struct Memory: Sendable {
        var answered: [Step.ID: Answered] = [:]
        /// In the order in which they were answered, as a ring.
        var order: [Step.ID] = []
        var oldest = 0
    }

    private let capacity: Int
    private let memory = Mutex(Memory())

    init(capacity: Int) { self.capacity = capacity }

    /// - Returns: the answers of all items of the step; `nil` unless the very same items were asked for.
    func answers(to open: [Escalation.OpenItem], of step: Step.ID) -> [Answer?]? {
        memory.withLock { memory in
            memory.answered[step].flatMap { $0.question == Self.hash(open) ? $0.answers : nil }
        }
    }

    func remember(_ answers: [Answer?], to open: [Escalation.OpenItem], of step: Step.ID) {
        memory.withLock { memory in
            let answered = Answered(question: Self.hash(open), answers: answers)
            guard memory.answered.updateValue(answered, forKey: step) == nil else { return }
            guard memory.order.count == capacity else { return memory.order.append(step) }
            memory.answered[memory.order[memory.oldest]] = nil
            memory.order[memory.oldest] = step
            memory.oldest = (memory.oldest + 1) % capacity
        }
    }

    private static func hash(_ open: [Escalation.OpenItem]) -> Int {
        var hasher = Hasher()
        for item in open {
            hasher.combine(item.index)
            hasher.combine(item.text)
        }
        return hasher.finalize()
    }
}
