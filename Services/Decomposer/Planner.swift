import Contracts
import Delivery
import Inference
import Languages
import Planning
import Routing
import Telemetry
import WorkerKit

/// Turns requests into plans. The plan of a machine request is the steps that it names. The text of a human request is
/// read by the router, which finds and routes its items, for all requests of a batch in one model call.
struct Planner: Sendable {
    private let router: @Sendable (Catalog) throws -> any RequestReader
    private let counterfactual: Counterfactual
    private let languages: LanguageMetrics
    private let gate: LaneGate?

    /// - Parameters:
    ///   - router: the router for a catalog.
    ///   - gate: the point at which the bulk lane yields to the interactive lane.
    init(
        router: @escaping @Sendable (Catalog) throws -> any RequestReader, counterfactual: Counterfactual,
        metrics: Metrics = Metrics(), gate: LaneGate? = nil
    ) {
        self.router = router
        self.counterfactual = counterfactual
        languages = LanguageMetrics(metrics)
        self.gate = gate
    }

    /// - Parameters:
    ///   - catalog: the routes that the items may take.
    ///   - isLastTry: whether the full model routes the texts for which the router fails, instead of another try.
    /// - Returns: a plan for each request, in order; a refusal if a text has more items than a plan can hold.
    /// - Throws: a retriable `InferenceError`, except on the last try.
    func plans(
        for requests: [Request], catalog: Catalog, isLastTry: Bool = false
    ) async throws -> [Result<Decomposition, Refusal>] {
        let router = try router(catalog)
        let human = requests.indices.filter { requests[$0].channel == .human }
        var drafts = human.map { Draft(RoutingDraft(request: requests[$0], catalog: catalog)) }
        try await read(&drafts, by: router, isLastTry)
        var plans = requests.map { Result<Decomposition, Refusal>.success(machinePlan($0)) }
        for (index, draft) in zip(human, drafts) { plans[index] = humanPlan(draft, by: router.identity) }
        return plans
    }

    /// A human request, and its share of the router's call.
    private struct Draft {
        var routing: RoutingDraft
        /// `nil` if the router failed.
        var share: BatchReading.Share?

        init(_ routing: RoutingDraft) { self.routing = routing }

        mutating func record(_ share: BatchReading.Share) {
            self.share = share
            routing.record(share.readings)
        }
    }

    private func read(_ drafts: inout [Draft], by router: any RequestReader, _ isLastTry: Bool) async throws {
        do {
            let shares = try await BatchReading.run(drafts.map(\.routing.texts), by: router, gate: gate)
            for (index, share) in shares.enumerated() {
                switch share {
                case .success(let share): drafts[index].record(share)
                case .failure(let error): drafts[index].routing.giveUp(error)
                }
            }
        } catch let error as InferenceError where isLastTry {
            for index in drafts.indices { drafts[index].routing.giveUp(error) }
        }
    }

    private static let tooManyItems = ContractError(
        .tooLarge, "the text has more than \(Limits.itemsPerPlan) items, the maximum of a plan")

    private static func tooManySteps(_ count: Int) -> ContractError {
        ContractError(
            .tooLarge,
            """
            the text needs \(count) steps of at most \(Limits.itemsPerStep) items of one task each, and a plan has at \
            most \(Limits.stepsPerPlan) steps
            """)
    }

    private func machinePlan(_ request: Request) -> Decomposition {
        let steps = request.steps.enumerated().map { ordinal, step in
            let dependencies = step.dependencies
            return Step(
                ordinal: ordinal, route: step.route,
                items: step.items.enumerated().map { Self.item($1, at: $0, of: request) }, dependsOn: dependencies,
                state: dependencies.isEmpty ? .dispatched : .waiting)
        }
        return Decomposition(steps: steps)
    }

    private static func item(_ item: RequestedItem, at position: Int, of request: Request) -> Item {
        switch item {
        case .text(let text): return Item(whole: text)
        case .reference(let reference):
            let count = request.steps[reference.step].items.count
            return Item(text: "", from: reference.resolved(at: position, of: count))
        }
    }

    /// Builds the plan of a human request. Its first steps are the routing itself, as many as its items need. They hold
    /// the items that fit no capability, those in a language of none, and the items that the full model must route.
    /// There is always at least one, step 0, to which the router's ledger row belongs.
    private func humanPlan(_ draft: Draft, by model: ModelIdentity) -> Result<Decomposition, Refusal> {
        guard draft.routing.itemCount <= Limits.itemsPerPlan else {
            return .failure(refusal(draft, by: model, Self.tooManyItems))
        }
        var unrouted: [Unrouted] = []
        var answered: [Prediction] = []
        var routed: [(item: Item, routes: [Route])] = []
        for routing in draft.routing.items(by: model) {
            if !routing.routes.isEmpty {
                var item = routing.item
                item.context = nil
                routed.append((item, routing.routes))
            }
            switch routing.rest {
            case .nothing: break
            case .unsupportedLanguage(let language):
                languages.count([.unsupported(language: language)], of: .decomposition)
                unrouted.append(Unrouted(item: routing.item, answer: .inUnsupportedLanguage, guess: nil))
            case .fullModel: unrouted.append(Unrouted(item: routing.item, answer: nil, guess: routing.guess))
            case .noRoute:
                let answer = Answer(
                    .label(Answer.noRoute), confidence: routing.prediction.confidence, decidedBy: .worker,
                    model: model.description)
                answered.append(routing.prediction)
                unrouted.append(Unrouted(item: routing.item, answer: answer, guess: nil))
            }
        }
        let routing = routingSteps(unrouted)
        var plan = PlanBuilder(firstOrdinal: routing.count)
        for (item, routes) in routed { plan.add(item, to: routes) }
        let count = routing.count + plan.steps.count
        guard count <= Limits.stepsPerPlan else { return .failure(refusal(draft, by: model, Self.tooManySteps(count))) }
        return .success(
            Decomposition(
                steps: routing + plan.steps, attempt: attempt(draft, by: model, answering: answered),
                answered: answered.count))
    }

    /// An item that the router assigns to no capability, or that the full model must route.
    private struct Unrouted {
        let item: Item
        let answer: Answer?
        let guess: Answer?
    }

    /// - Returns: at least one step. A step without open items is already answered.
    private func routingSteps(_ unrouted: [Unrouted]) -> [Step] {
        stride(from: 0, to: max(unrouted.count, 1), by: Limits.itemsPerStep).enumerated().map { ordinal, first in
            let part = unrouted[first..<min(first + Limits.itemsPerStep, unrouted.count)]
            return Step(
                ordinal: ordinal, route: .decomposition, items: part.map(\.item),
                state: part.contains { $0.answer == nil } ? .dispatched : .answered, answers: part.map(\.answer),
                guesses: part.map(\.guess))
        }
    }

    /// A refusal with the router's call, whose cost is charged although there is no plan.
    private func refusal(_ draft: Draft, by model: ModelIdentity, _ reason: ContractError) -> Refusal {
        Refusal(reason: reason, attempt: attempt(draft, by: model))
    }

    /// The router's call as an attempt. The full model alone would need no routing, so the attempt has a counterfactual
    /// only for the items that fit no capability: for them the routing is the answer.
    /// - Parameter answered: the router's predictions for the items that fit no capability.
    private func attempt(
        _ draft: Draft, by model: ModelIdentity, answering answered: [Prediction] = []
    ) -> Attempt {
        let (routing, share) = (draft.routing, draft.share)
        return Attempt(
            number: 1, kind: .router, state: routing.fault == nil ? .settled : .failed, model: model.name,
            version: model.version, items: routing.itemCount, usage: share?.usage ?? .zero,
            durationMicros: share?.durationMicros ?? 0, startedAt: share?.startedAt ?? .now,
            counterfactual: (routing.catalog.decomposition.isEndpoint ? .routingEndpoint : counterfactual)
                .usage(of: answered, route: .decomposition),
            error: routing.fault?.code.rawValue)
    }
}

/// The decomposition of a request: its plan, and the cost of the language stage.
struct Decomposition {
    var steps: [Step]
    /// `nil` for a machine request, which skips the language stage.
    var attempt: Attempt?
    /// The number of items that the language stage answers itself, because they fit no capability.
    var answered = 0
}

/// Why a request has no plan, and what the language stage cost.
struct Refusal: Error {
    var reason: ContractError
    var attempt: Attempt
}
