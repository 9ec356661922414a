import Contracts

/// The result of applying a batch of changes to snapshots. Both stores write exactly this result.
package struct AppliedChanges: Sendable {
    /// A snapshot that was changed.
    package struct Touched: Sendable {
        /// The index into `snapshots`.
        package let index: Int
        /// The ordinals of the steps.
        package var newSteps: Set<Int> = []
        package var updatedSteps: Set<Int> = []
        /// Updated steps whose items have taken their texts from answers, or were cut. The items of no other step change.
        package var filledSteps: Set<Int> = []
        /// Whether this change made the request final.
        package var becameFinal = false
        /// Whether the request is final and this change made it final or added to its ledger.
        package var sumsLedger = false
    }

    /// All snapshots after the changes, in the given order. The totals and the result's cost are not updated yet.
    package private(set) var snapshots: [RequestSnapshot]
    package private(set) var touched: [Touched] = []
    package private(set) var entries: [LedgerEntry] = []
    package private(set) var owed: [(request: Request.ID, kind: OwedEmission.Kind)] = []

    /// - Throws: `StoreError`, not retriable, if a change is not allowed in the state of its snapshot.
    package init(_ changes: [RequestChange], to snapshots: [RequestSnapshot]) throws(StoreError) {
        self.snapshots = snapshots
        let indices = Dictionary(snapshots.enumerated().map { ($1.id, $0) }) { first, _ in first }
        var positions: [Int: Int] = [:]
        for change in changes {
            guard let index = indices[change.request] else { throw Self.refused("a request that was not passed in") }
            let position = positions[index] ?? touched.count
            if position == touched.count {
                touched.append(Touched(index: index))
                positions[index] = position
            }
            try Self.apply(change, &self.snapshots[index], &touched[position])
            entries.append(contentsOf: change.entries)
            for kind in change.owed { owed.append((change.request, kind)) }
        }
    }

    /// Static, since copying `self` for each change would copy all snapshots.
    private static func apply(
        _ change: RequestChange, _ snapshot: inout RequestSnapshot, _ touched: inout Touched
    ) throws(StoreError) {
        if let state = change.state {
            guard state == snapshot.state || !snapshot.state.isFinal else {
                throw refused("the state of a request that is final")
            }
            if state.isFinal, !snapshot.state.isFinal {
                touched.becameFinal = true
                snapshot.completedAt = change.progressedAt
                snapshot.resultCost = ResultCost(totals: .zero, isFinal: change.isCostFinal)
            }
            snapshot.state = state
        }
        if snapshot.state.isFinal, change.state != nil || !change.entries.isEmpty { touched.sumsLedger = true }
        if let error = change.error { snapshot.error = error }
        snapshot.progressedAt = change.progressedAt
        snapshot.redrives = change.redriveAt == nil ? 0 : snapshot.redrives + 1
        snapshot.redriveAt = change.redriveAt
        // Skips steps that exist already, so that settling a routing step twice adds nothing.
        for step in change.newSteps where snapshot.position(of: step.ordinal) == nil {
            snapshot.steps.append(step)
            touched.newSteps.insert(step.ordinal)
        }
        if !change.newSteps.isEmpty { snapshot.steps.sort { $0.ordinal < $1.ordinal } }
        for step in change.updatedSteps {
            guard let position = snapshot.position(of: step.ordinal) else { throw refused("an unknown step") }
            let items = snapshot.steps[position].items
            // A routing cuts items into parts, and later steps take their texts from answers.
            if items.count < step.items.count
                || items.contains(where: \.isPending) && !step.items.contains(where: \.isPending)
            {
                snapshot.steps[position].items = step.items
                touched.filledSteps.insert(step.ordinal)
            }
            snapshot.steps[position].state = step.state
            snapshot.steps[position].answers = step.answers
            snapshot.steps[position].error = step.error
            if !touched.newSteps.contains(step.ordinal) { touched.updatedSteps.insert(step.ordinal) }
        }
    }

    /// Returns the snapshots with the totals of their ledgers.
    /// - Parameter sum: returns the totals of a request and whether one of its calls is open.
    package func summed(_ sum: (Request.ID) -> (totals: LedgerTotals, hasOpenCall: Bool)?) -> [RequestSnapshot] {
        var snapshots = snapshots
        for touched in touched where touched.sumsLedger {
            guard let (totals, hasOpenCall) = sum(snapshots[touched.index].id) else { continue }
            snapshots[touched.index].totals = totals
            guard touched.becameFinal else { continue }
            let isFinal = snapshots[touched.index].resultCost?.isFinal ?? true
            snapshots[touched.index].resultCost = ResultCost(totals: totals, isFinal: isFinal && !hasOpenCall)
        }
        return snapshots
    }

    private static func refused(_ what: String) -> StoreError {
        StoreError(.query, "a change names \(what)", isRetriable: false)
    }
}

extension RequestSnapshot {
    /// Finds a step by its ordinal. Usually the index equals the ordinal, unless the plan has gaps.
    fileprivate func position(of ordinal: Int) -> Int? {
        if steps.indices.contains(ordinal), steps[ordinal].ordinal == ordinal { return ordinal }
        return steps.firstIndex { $0.ordinal == ordinal }
    }
}
