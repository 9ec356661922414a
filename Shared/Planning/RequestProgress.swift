import Contracts
import Store

/// The state machine of an accepted request. Its inputs are outcomes, the deadline, cancellation and re-drives.
///
/// It is pure: the store reads the snapshot, writes the change, and repeats both after a crash.
public struct RequestProgress {
    public private(set) var snapshot: RequestSnapshot
    private let now: Timestamp
    private var newSteps: [Step] = []
    private var updated: Set<Int> = []
    private var entries: [LedgerEntry] = []
    private var isCancelled = false
    /// Whether a dispatched step was expired or cancelled. A worker may still compute it, so its cost is not final.
    private var hasGivenUpWork = false

    public init(_ snapshot: RequestSnapshot, now: Timestamp) {
        self.snapshot = snapshot
        self.now = now
    }

    /// Settles a step and records its cost. A step that is already final keeps its answers, but the cost of this
    /// outcome still counts. It counts even if the steps of the request were erased or their retention has ended.
    /// - Parameter catalog: the routes that a routing answer may name. Others count as `none`.
    /// - Throws: `ContractError` if a cost is too large to be stored or if the request never had the step. The outcome
    ///   then becomes a dead letter.
    public mutating func apply(
        _ outcome: Outcome, pricing: PriceList, fullModel: String, catalog: Catalog
    ) throws(ContractError) {
        // An outcome that comes too late gives no answer, so it saves nothing.
        var credit = Credit.none
        if let index = snapshot.steps.firstIndex(where: { $0.ordinal == outcome.step }) {
            if !snapshot.state.isFinal, !snapshot.steps[index].state.isFinal {
                settle(index, outcome)
                if snapshot.steps[index].route.expandsPlan {
                    snapshot.steps[index].dropRoutes { catalog[$0] == nil }
                    expandPlan()
                }
                credit = Credit(of: snapshot.steps[index], in: snapshot)
            }
        } else if !snapshot.state.isFinal || !snapshot.steps.isEmpty {
            throw ContractError(.unknownStep, "the request of this outcome has no such step")
        }
        let step = Step.ID(request: snapshot.id, ordinal: outcome.step)
        for attempt in outcome.attempts {
            entries.append(
                try pricing.entry(
                    for: attempt, of: step, tenant: snapshot.tenant, route: outcome.route, fullModel: fullModel,
                    credit: credit))
        }
    }

    /// Expires all open steps. Nothing is computed for a request after its deadline.
    public mutating func expire() {
        guard !snapshot.state.isFinal else { return }
        for index in snapshot.steps.indices where !snapshot.steps[index].state.isFinal {
            giveUp(index, .expired, error: "the deadline passed")
        }
    }

    /// Cancels all open steps. Steps that are already answered keep their answers.
    public mutating func cancel() {
        guard !snapshot.state.isFinal else { return }
        isCancelled = true
        for index in snapshot.steps.indices where !snapshot.steps[index].state.isFinal {
            giveUp(index, .cancelled, error: "cancelled on request")
        }
    }

    /// Returns the change to store, including steps whose dependencies have just settled.
    public mutating func change() -> RequestChange {
        releaseWaiting()
        var change = RequestChange(
            request: snapshot.id, newSteps: newSteps, updatedSteps: updated.sorted().map { snapshot.steps[$0] },
            entries: entries, progressedAt: now)
        if !snapshot.state.isFinal, let final = finalState {
            change.state = final
            change.error = snapshot.steps.lazy.compactMap(\.error).first
            change.isCostFinal = !hasGivenUpWork
        }
        return change
    }

    private mutating func settle(_ index: Int, _ outcome: Outcome) {
        switch outcome.state {
        case .answered:
            let isComplete =
                outcome.answers.count == snapshot.steps[index].items.count && !outcome.answers.contains { $0 == nil }
            guard isComplete else { return set(index, .failed, error: "the answers do not match the items") }
            snapshot.steps[index].answers = outcome.answers
            if snapshot.steps[index].route.expandsPlan { snapshot.steps[index].cutIntoParts() }
            guard snapshot.steps.reduce(0, { $0 + $1.writtenBytes }) <= Limits.answerBytes else {
                snapshot.steps[index].answers = []
                return set(
                    index, .failed, error: "the answers to a request may have \(Limits.answerBytes) bytes together")
            }
            set(index, .answered)
        case .failed: set(index, .failed, error: outcome.error ?? "the step failed")
        case .expired: set(index, .expired, error: outcome.error)
        }
    }

    /// Adds the steps for the items that the full model has routed. Does nothing until the last routing step is
    /// settled.
    ///
    /// Expanding all routing steps together fills the new steps up to `Limits.itemsPerStep`. Expanding each routing
    /// step alone would create a step per capability each time. The new steps depend on all routing steps, so that a
    /// redelivered outcome of any of them emits the new steps again.
    private mutating func expandPlan() {
        let routings = snapshot.steps.indices.filter { snapshot.steps[$0].route.expandsPlan }
        guard routings.allSatisfy({ snapshot.steps[$0].state.isFinal }) else { return }
        var plan = PlanBuilder(
            firstOrdinal: snapshot.steps.count, dependsOn: routings.map { snapshot.steps[$0].ordinal })
        var expanded: [Int] = []
        for index in routings where snapshot.steps[index].state == .answered {
            let routed = zip(snapshot.steps[index].items, snapshot.steps[index].answers).compactMap { item, answer in
                // Items that the router itself routed became steps when the request was accepted.
                answer.flatMap { $0.decidedBy == .full ? (item, $0.routes) : nil }
            }
            for (item, routes) in routed { plan.add(item, to: routes) }
            if routed.contains(where: { !$0.1.isEmpty }) { expanded.append(index) }
        }
        let total = snapshot.steps.count + plan.steps.count
        guard total <= Limits.stepsPerPlan else {
            // None of these items has a step, so the error is reported on the routing step, which fails.
            let error = "the routed items need \(total) steps in all, and a plan holds \(Limits.stepsPerPlan)"
            for index in expanded { set(index, .failed, error: error) }
            return
        }
        newSteps += plan.steps
        snapshot.steps += plan.steps
    }

    /// Dispatches a step when all of its dependencies are answered. Cancels it if one of them ended without an answer.
    /// A step that is cancelled or fails here may be one that others wait for.
    private mutating func releaseWaiting() {
        var hasMoved = true
        while hasMoved {
            hasMoved = false
            for index in snapshot.steps.indices where snapshot.steps[index].state == .waiting {
                let states = snapshot.steps[index].dependsOn.compactMap { ordinal in
                    snapshot.steps.first { $0.ordinal == ordinal }?.state
                }
                if states.contains(where: { $0.isFinal && $0 != .answered }) {
                    set(index, .cancelled, error: "a step that it depends on was not answered")
                    hasMoved = true
                } else if states.allSatisfy({ $0 == .answered }) {
                    hasMoved = !dispatch(index) || hasMoved
                }
            }
        }
    }

    /// Dispatches a step with the texts that its items take from answers. Both are stored in one transaction, and the
    /// step is emitted from what is stored, so a repetition never asks for another text.
    /// - Returns: whether the step has all of its texts. It fails otherwise.
    private mutating func dispatch(_ index: Int) -> Bool {
        do throws(ContractError) {
            snapshot.steps[index].items = try snapshot.itemsWithTexts(of: snapshot.steps[index])
        } catch {
            set(index, .failed, error: error.message)
            return false
        }
        set(index, .dispatched)
        return true
    }

    private mutating func giveUp(_ index: Int, _ state: Step.State, error: String) {
        if snapshot.steps[index].state == .dispatched { hasGivenUpWork = true }
        set(index, state, error: error)
    }

    private mutating func set(_ index: Int, _ state: Step.State, error: String? = nil) {
        snapshot.steps[index].state = state
        snapshot.steps[index].error = error
        updated.insert(index)
    }

    /// `nil` while a step is open. Otherwise `cancelled` if the request is being cancelled, else the worst state of its
    /// steps.
    private var finalState: RequestSnapshot.State? {
        guard snapshot.steps.allSatisfy(\.state.isFinal) else { return nil }
        if isCancelled { return .cancelled }
        let states = Set(snapshot.steps.map(\.state))
        if states.contains(.failed) { return .failed }
        if states.contains(.expired) { return .expired }
        return states.contains(.cancelled) ? .cancelled : .completed
    }
}

/// Groups routed items into steps of at most 64 items with one capability and task each, in the order of their first
/// items.
public struct PlanBuilder: Sendable {
    public private(set) var steps: [Step] = []
    private let firstOrdinal: Int
    private let dependsOn: [Int]

    public init(firstOrdinal: Int, dependsOn: [Int] = []) {
        self.firstOrdinal = firstOrdinal
        self.dependsOn = dependsOn
    }

    public mutating func add(_ item: Item, to routes: [Route]) {
        for route in routes {
            let open = steps.lastIndex { $0.route == route && $0.items.count < Limits.itemsPerStep }
            if let open {
                steps[open].items.append(item)
            } else {
                steps.append(
                    Step(
                        ordinal: firstOrdinal + steps.count, route: route, items: [item], dependsOn: dependsOn,
                        state: .dispatched))
            }
        }
    }
}

extension Step {
    /// The size of the texts and JSON values in the answers. Labels are small.
    fileprivate var writtenBytes: Int {
        answers.reduce(0) { sum, answer in
            guard let answer, answer.label == nil else { return sum }
            return sum + Answer.encode([answer]).count
        }
    }

    /// Removes routes from the answers of a routing step, so that whatever reads it later needs no catalog.
    fileprivate mutating func dropRoutes(_ isUnknown: (Route) -> Bool) {
        for index in answers.indices {
            guard let answer = answers[index], answer.routes.contains(where: isUnknown) else { continue }
            answers[index]?.output = .label(Answer.label(of: answer.routes.filter { !isUnknown($0) }))
        }
    }
}
