import Contracts
import Models
import Store
import Synchronization

/// One question to an endpoint about some items of a step, with the ledger rows of all its tries.
///
/// A row is written right before its try is sent, so a question that only waits, for a place among the calls in flight
/// or for the circuit to close, costs nothing if the process dies. All rows are settled together, with the answers, in
/// one transaction.
final class EndpointCall: CallLedger {
    /// Why the ledger allowed no further try.
    indirect enum Obstacle: Sendable {
        /// The step is expired or cancelled.
        case stepIsOver
        case refused(Budget)
        /// Another process has been given the same answers meanwhile.
        case answered([Answer])
        case fault(any Error)
    }

    /// How a question ended.
    indirect enum Ending: Sendable {
        case answered([ModelOutput])
        /// The ledger stopped it.
        case stopped(Obstacle)
        case failed(ModelError)
    }

    private struct State {
        var entries: [LedgerEntry] = []
        var obstacle: Obstacle?
    }

    private let endpoint: FullEndpoint
    private let kind: Attempt.Kind
    private let firstNumber: Int
    private let step: Step.ID
    private let tenant: TenantID
    private let isOver: @Sendable () -> Bool
    private let reserve: @Sendable (LedgerEntry) async throws -> Reservation
    private let state = Mutex(State())

    /// - Parameters:
    ///   - firstNumber: `Catalog.firstReservedNumber`
    ///   - isOver: whether the step is expired or cancelled.
    ///   - reserve: writes the row of a try.
    init(
        _ endpoint: FullEndpoint, kind: Attempt.Kind, from firstNumber: Int, step: Step.ID, tenant: TenantID,
        isOver: @escaping @Sendable () -> Bool, reserve: @escaping @Sendable (LedgerEntry) async throws -> Reservation
    ) {
        self.endpoint = endpoint
        self.kind = kind
        self.firstNumber = firstNumber
        self.step = step
        self.tenant = tenant
        self.isOver = isOver
        self.reserve = reserve
    }

    /// - Returns: how it ended, and the rows to settle.
    func ask(
        _ inputs: [ModelInput], until deadline: Timestamp?, in lane: Lane
    ) async -> (ending: Ending, entries: [LedgerEntry]) {
        let ending: Ending
        let attempts: [ModelAttempt]
        do {
            let outputs = try await endpoint.model.answer(
                inputs, as: endpoint.question(until: deadline, in: lane), on: self)
            (ending, attempts) = (.answered(outputs), outputs.flatMap(\.attempts))
        } catch let error as ModelError {
            attempts = error.outputs.compactMap(\.self).flatMap(\.attempts) + error.attempts
            ending = state.withLock(\.obstacle).map { .stopped($0) } ?? .failed(error)
        } catch {
            (ending, attempts) = (.stopped(.fault(error)), [])
        }
        let byTicket = Dictionary(attempts.compactMap { attempt in attempt.ticket.map { ($0, attempt) } }) { $1 }
        let entries = state.withLock(\.entries).enumerated().map { ticket, entry in
            entry.settled(by: byTicket[ticket])
        }
        return (ending, entries)
    }

    func begin(_ model: ModelIdentity, most: PicoDollars, inputs: Int) async throws(ModelError) -> Int {
        guard !isOver() else { throw stop(.stepIsOver) }
        let identity = endpoint.identity(of: model)
        var entry = LedgerEntry(
            step: step, tenant: tenant, route: endpoint.route,
            attempt: Attempt(
                number: firstNumber, kind: kind, state: .started, model: identity.name, version: identity.version,
                items: inputs,
                usage: .zero, durationMicros: 0, startedAt: .now),
            cost: most, counterfactualCost: .zero)
        entry.isOneOfSeveral = true
        let reservation: Reservation
        do {
            reservation = try await reserve(entry)
        } catch {
            throw stop(.fault(error))
        }
        switch reservation {
        case .started(let entry):
            return state.withLock { state in
                state.entries.append(entry)
                return state.entries.count - 1
            }
        case .answered(let answers): throw stop(.answered(answers))
        case .refused(let budget): throw stop(.refused(budget))
        }
    }

    private func stop(_ obstacle: Obstacle) -> ModelError {
        state.withLock { $0.obstacle = $0.obstacle ?? obstacle }
        return ModelError(.notAllowed, "the ledger allows no try", isRetriable: false)
    }
}

extension LedgerEntry {
    /// Takes what a try really was. A try that nothing is known about keeps its reserved price.
    fileprivate func settled(by attempt: ModelAttempt?) -> LedgerEntry {
        var entry = self
        guard let attempt else {
            entry.attempt.state = .unknown
            return entry
        }
        entry.attempt.state =
            switch attempt.state {
            case .answered: attempt.error == nil ? .settled : .failed
            case .failed: .failed
            case .unknown: .unknown
            }
        let usage = attempt.usage
        entry.attempt.usage = TokenUsage(
            inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, flops: usage.flops ?? 0)
        entry.attempt.cachedInputTokens = usage.cachedInputTokens
        entry.attempt.isEstimated = usage.isEstimated
        entry.attempt.durationMicros = Int64(usage.duration / .microseconds(1))
        entry.attempt.error = attempt.error?.rawValue
        entry.cost = attempt.cost
        return entry
    }
}
