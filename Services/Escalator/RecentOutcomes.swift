import Contracts
import Inference
import Synchronization

/// The steps that were answered last, so that one asked again is not paid for again: a repeated request, or one that was
/// driven anew while its escalation still waited. After a restart it is empty, and a repetition is a call of its own.
final class RecentOutcomes: Sendable {
    /// Of the question only its hash is kept, and of the answers what the full model said: the texts of a thousand steps are
    /// megabytes, and so are the worker's answers, which come with the question.
    private struct Answered: Sendable {
        let question: Int
        let predictions: [Prediction]
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

    /// - Returns: a prediction an open item; `nil` unless the very same items were asked for.
    func predictions(for open: [Escalation.OpenItem], of step: Step.ID) -> [Prediction]? {
        memory.withLock { memory in
            memory.answered[step].flatMap { $0.question == Self.hash(open) ? $0.predictions : nil }
        }
    }

    func remember(_ predictions: [Prediction], for open: [Escalation.OpenItem], of step: Step.ID) {
        memory.withLock { memory in
            let answered = Answered(question: Self.hash(open), predictions: predictions)
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
            hasher.combine(ExactText(item.text))
        }
        return hasher.finalize()
    }
}
