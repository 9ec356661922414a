import Contracts
import Delivery
import Inference
import WorkerKit

/// Turns requests into plans. A machine's plan is what it named; a human's is segmented and routed by the router model,
/// all requests of a batch in two calls.
struct Planner: Sendable {
    private let segmenter: Segmenter
    private let router: any Classifier
    private let counterfactual: Counterfactual
    private let gate: LaneGate?

    /// - Parameter gate: where requests of the bulk lane give way.
    init(segmenter: Segmenter, router: any Classifier, counterfactual: Counterfactual, gate: LaneGate? = nil) {
        self.segmenter = segmenter
        self.router = router
        self.counterfactual = counterfactual
        self.gate = gate
    }

    /// - Returns: a plan a request, in order; a refusal where a text has more items than a plan can hold.
    func plans(for requests: [Request]) async throws -> [Result<Decomposition, Refusal>] {
        let human = requests.indices.filter { requests[$0].channel == .human }
        var drafts = human.map { RoutingDraft(request: requests[$0], segmenter: segmenter) }
        try await route(&drafts) { $0.wholes }
        for index in drafts.indices { drafts[index].choose() }
        try await route(&drafts) { $0.openItems }
        var plans = requests.map { Result<Decomposition, Refusal>.success(machinePlan($0)) }
        for (index, draft) in zip(human, drafts) { plans[index] = humanPlan(draft) }
        return plans
    }

    private func route(_ drafts: inout [RoutingDraft], _ items: (RoutingDraft) -> [Item]) async throws {
        let pending = drafts.map { $0.isTooLarge ? [] : items($0) }
        let members = pending.indices.filter { !pending[$0].isEmpty }
        guard !members.isEmpty else { return }
        let groups = members.map {
            BatchClassification.Group(route: .decomposition, texts: pending[$0].map(\.text))
        }
        do {
            for (member, share) in zip(members, try await BatchClassification.run(groups, on: router, gate: gate)) {
                drafts[member].record(pending[member], share)
            }
        } catch let error as InferenceError {
            for member in members { drafts[member].giveUp(pending[member], error) }
        }
    }

    private static let tooLarge = ContractError(
        .tooLarge,
        "the text has more items than a plan of \(Limits.stepsPerPlan) steps with \(Limits.itemsPerStep) items holds")

    private func machinePlan(_ request: Request) -> Decomposition {
        let steps = request.steps.enumerated().map { ordinal, step in
            Step(
                ordinal: ordinal, route: step.route,
                items: step.items.map { Item(text: $0, span: Item.Span(0, $0.unicodeScalars.count)) },
                dependsOn: step.dependsOn, state: step.dependsOn.isEmpty ? .dispatched : .waiting)
        }
        return Decomposition(steps: steps)
    }

    /// Step 0 is the routing itself: it carries the router's ledger row, what fits no capability, and what the full
    /// model has to route.
    private func humanPlan(_ draft: RoutingDraft) -> Result<Decomposition, Refusal> {
        guard !draft.isTooLarge else { return .failure(refusal(draft)) }
        var routing = Step(ordinal: 0, route: .decomposition, items: [], state: .answered)
        var plan = PlanBuilder(firstOrdinal: 1)
        for (item, prediction) in draft.routed {
            let routes = PlanBuilder.routes(in: prediction.label)
            if prediction.isSure, !routes.isEmpty {
                plan.add(item, to: routes)
                continue
            }
            routing.items.append(item)
            let answer = Answer(
                label: Answer.noRoute, confidence: prediction.confidence, decidedBy: .worker,
                model: router.identity.description)
            routing.answers.append(prediction.isSure ? answer : nil)
            if !prediction.isSure { routing.state = .dispatched }
        }
        guard plan.steps.count < Limits.stepsPerPlan, routing.items.count <= Limits.itemsPerStep else {
            return .failure(refusal(draft))
        }
        return .success(Decomposition(steps: [routing] + plan.steps, attempt: attempt(draft)))
    }

    /// What the router has read is paid for, though there is no plan.
    private func refusal(_ draft: RoutingDraft) -> Refusal {
        Refusal(reason: Self.tooLarge, attempt: draft.wasRouted ? attempt(draft) : nil)
    }

    private func attempt(_ draft: RoutingDraft) -> Attempt {
        Attempt(
            number: 1, kind: .router, state: draft.fault == nil ? .settled : .failed, model: router.identity.name,
            version: router.identity.version,
            items: draft.routed.count, usage: draft.usage, durationMicros: draft.durationMicros,
            startedAt: draft.startedAt,
            counterfactual: counterfactual.usage(of: draft.routed.map(\.prediction), route: .decomposition),
            error: draft.fault?.code.rawValue)
    }
}
