import Contracts
import Delivery
import Inference
import MessageBus
import Store
import Synchronization
import WorkerKit

/// All that the full model is asked for in a lane.
struct FullModelHandler: BatchHandler {
    let escalations: EscalationHandler
    /// Checks in the background ride with the bulk lane: a consumer of their own would cost an idle suite more than they do.
    let shadows: ShadowHandler

    func prepare() async throws {
        try await escalations.prepare()
        try await shadows.prepare()
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        let checks = records.filter { $0.topic == Topic.shadows }
        let emitted =
            checks.count < records.count
            ? try await escalations.handle(records.filter { $0.topic != Topic.shadows }) : []
        return emitted + (checks.isEmpty ? [] : try await shadows.handle(checks))
    }
}

extension LedgerEntry {
    /// A call of the full model before it is made, at the most tokens that it can take. Never the first of its step, for
    /// that is the worker's. The ledger gives it its instant and its price.
    init(
        _ kind: Attempt.Kind, of step: Step.ID, tenant: TenantID, _ group: BatchClassification.Group,
        on classifier: any Classifier
    ) {
        let model = classifier.identity
        let tokens = group.texts.reduce(0) { $0 + classifier.mostTokens(of: $1, as: group.route) }
        self.init(
            step: step, tenant: tenant, route: group.route,
            attempt: Attempt(
                number: 2, kind: kind, state: .started, model: model.name, version: model.version,
                items: group.texts.count, usage: TokenUsage(inputTokens: Int64(tokens), flops: 0), durationMicros: 0,
                startedAt: .now),
            cost: .zero, counterfactualCost: .zero)
    }

    /// It keeps the instant of its reservation, by which it is priced and counted.
    /// - Parameter answered: predictions whose items no other attempt counts as what the full model alone would have been
    ///   asked for.
    func settled(
        by share: BatchClassification.Share, pricing: PriceList, answered: [Prediction] = []
    ) throws(ContractError) -> LedgerEntry {
        func cost(_ usage: TokenUsage) throws(ContractError) -> PicoDollars {
            try pricing.cost(of: usage, model: attempt.model, at: attempt.startedAt)
        }
        var entry = self
        entry.attempt.state = .settled
        entry.attempt.usage = share.usage
        entry.attempt.durationMicros = share.durationMicros
        entry.cost = try cost(share.usage)
        entry.attempt.counterfactual = BatchClassification.usage(of: answered)
        entry.counterfactualCost = try cost(entry.attempt.counterfactual)
        entry.onceCost = try cost(entry.attempt.counterfactual.joined(texts: answered.count))
        return entry
    }

    /// A call that may be tried again was never answered, so it costs nothing. Any other keeps its reserved price.
    func failed(_ error: InferenceError) -> LedgerEntry {
        var entry = self
        entry.attempt.state = .failed
        entry.attempt.error = error.code.rawValue
        if error.isRetriable { (entry.attempt.usage, entry.cost) = (.zero, .zero) }
        return entry
    }
}

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
