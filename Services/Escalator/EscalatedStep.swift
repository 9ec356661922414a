import Contracts
import Crypto
import Planning
import Store
import WorkerKit

/// The escalation of one step, and the outcomes that it can have.
struct EscalatedStep: Sendable {
    /// Equal for copies of an escalation that ask the same question.
    struct Key: Hashable {
        let step: Step.ID
        let question: QuestionDigest
    }

    typealias OpenItem = Escalation.OpenItem

    let event: StepEvent
    let escalation: Escalation
    /// How many times the record has been delivered, including this time.
    let delivery: Int
    let question: QuestionDigest

    init(_ accepted: StepTriage<Escalation>.Accepted) {
        event = accepted.event
        escalation = accepted.message
        delivery = accepted.delivery
        question = QuestionDigest(escalation.open)
    }

    var id: Step.ID { Step.ID(request: event.request, ordinal: escalation.step) }
    var key: Key { Key(step: id, question: question) }

    /// Whether the cost of the full model alone for an item is counted at this call, because no other attempt counts it.
    ///
    /// If no worker answered the step, because there is none or because it failed, there is no other attempt. In a
    /// routing, this call answers the items that fit no capability. The steps that the other items are routed to count
    /// those.
    /// - Parameter label: the answer; `nil` for a text or a JSON value, and for an item that was cut into parts.
    func isCountedHere(_ label: String?, _ catalog: Catalog) -> Bool {
        if escalation.route.expandsPlan { return label.map { catalog.routes(in: $0).isEmpty } ?? false }
        return !escalation.attempts.contains { $0.kind == .worker && $0.state == .settled }
    }

    /// Returns the outcome if all open items are answered.
    ///
    /// It carries only the worker's attempts, because the full model's rows are already in the ledger.
    func outcome(_ given: [(item: OpenItem, answer: Answer)]) -> Outcome {
        var answers = escalation.answers
        for (item, answer) in given { answers[item.index] = answer }
        let outcome = Outcome(
            step: escalation.step, route: escalation.route, state: .answered, answers: answers,
            attempts: escalation.attempts)
        // Only texts can be as large as this, and a larger record is written nowhere.
        guard outcome.encode().count <= Limits.resultBytes else {
            return failure("the answers are too large for a message")
        }
        return outcome
    }

    /// Returns the outcome of a step that its tenant's budget refuses.
    /// - Parameters:
    ///   - refused: the open items that stay without an answer.
    ///   - given: what was answered before the budget was exhausted.
    /// - Returns: `nil` if the step waits. The aggregator then re-drives it like any step without an outcome.
    func outcome(
        of refused: [OpenItem], refusedBy budget: Budget, _ given: [(item: OpenItem, answer: Answer)]
    ) -> Outcome? {
        switch budget.policy {
        case .queue: return nil
        case .fail: return failure("the tenant's budget for escalations is exhausted")
        case .degrade:
            let guesses = refused.compactMap { item in
                (noRoute ?? item.guess).map { guess in
                    var guess = guess
                    guess.isDegraded = true
                    return (item: item, answer: guess)
                }
            }
            guard guesses.count == refused.count else {
                return failure("the tenant's budget for escalations is exhausted, and the small model has no answer")
            }
            return outcome(given + guesses)
        }
    }

    func failure(_ error: String) -> Outcome {
        .failed(escalation.step, escalation.route, error, attempts: escalation.attempts)
    }

    /// An item that the router was not sure of stays unrouted. On a guessed route, workers would give answers that do
    /// not show that the route was a guess.
    private var noRoute: Answer? {
        guard escalation.route.expandsPlan else { return nil }
        return Answer(.label(Answer.noRoute), confidence: 0, decidedBy: .worker, model: "none")
    }
}

extension QuestionDigest {
    /// Item indexes are part of the question, because answers are given by index.
    init(_ open: [Escalation.OpenItem]) {
        var bytes: [UInt8] = []
        for item in open {
            // Lengths separate the texts.
            for number in [item.index, item.text.utf8.count] {
                withUnsafeBytes(of: Int64(number).bigEndian) { bytes.append(contentsOf: $0) }
            }
            bytes.append(contentsOf: item.text.utf8)
        }
        self.init(bytes.withUnsafeBytes { SHA256.bytes($0) })
    }
}
