import Contracts

/// What a batch of changes makes of the snapshots that it was decided on; both stores write exactly this.
package struct AppliedChanges: Sendable {
    /// Where a snapshot was changed.
    package struct Touched: Sendable {
        /// Index into `snapshots`.
        package let index: Int
        /// Ordinals.
        package var newSteps: Set<Int> = []
        package var updatedSteps: Set<Int> = []
        /// It became final by this change.
        package var becameFinal = false
        /// It is final, and this change made it so or added to its ledger.
        package var sumsLedger = false
    }

    /// Every snapshot as it is afterwards, in the order given; totals and the result's cost are still those of before.
    package private(set) var snapshots: [RequestSnapshot]
    package private(set) var touched: [Touched] = []
    package private(set) var entries: [LedgerEntry] = []
    package private(set) var owed: [(request: Request.ID, kind: OwedEmission.Kind)] = []

    /// - Throws: `StoreError`, not retriable, for a change that the snapshots do not allow.
    package init(_ changes: [RequestChange], to snapshots: [RequestSnapshot]) throws(StoreError) {
        self.snapshots = snapshots
        let indices = Dictionary(snapshots.enumerated().map { ($1.id, $0) }) { first, _ in first }
        var positions: [Int: Int] = [:]
        for change in changes {
            guard let index = indices[change.request] else { throw Self.refused("a request that was not handed over") }
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

    /// Static, for a copy of `self` would make every change copy all the snapshots.
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
        // A routing that is settled again adds nothing twice.
        for step in change.newSteps where snapshot.position(of: step.ordinal) == nil {
            snapshot.steps.append(step)
            touched.newSteps.insert(step.ordinal)
        }
        if !change.newSteps.isEmpty { snapshot.steps.sort { $0.ordinal < $1.ordinal } }
        for step in change.updatedSteps {
            guard let position = snapshot.position(of: step.ordinal) else { throw refused("an unknown step") }
            snapshot.steps[position].state = step.state
            snapshot.steps[position].answers = step.answers
            snapshot.steps[position].error = step.error
            if !touched.newSteps.contains(step.ordinal) { touched.updatedSteps.insert(step.ordinal) }
        }
    }

    /// The snapshots with what the ledger of a request comes to.
    /// - Parameter sum: the totals, and whether one of its calls is open.
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
    /// Steps stand at their ordinal unless a plan has gaps.
    fileprivate func position(of ordinal: Int) -> Int? {
        if steps.indices.contains(ordinal), steps[ordinal].ordinal == ordinal { return ordinal }
        return steps.firstIndex { $0.ordinal == ordinal }
    }
}
