import CatalogFeed
import Contracts
import Delivery
import MessageBus
import ModelEndpoint
import Models
import Planning
import Store
import Telemetry
import WorkerKit

/// Answers steps of which an endpoint is the small or the full model: asks the small one, the middle one and the full one
/// in turn about the items that are still open.
///
/// Each step is handled by itself, because its calls take seconds and end at any time. A middle model, which takes
/// milliseconds, is asked here too, so that it sees what the small endpoint has left open and the certificates of now.
/// A reference, since each of hundreds of steps that wait would hold copies of it.
/// - Consumes: `winnow.escalations.v1`, or the bulk lane's, for routes with an endpoint
/// - Produces: `winnow.outcomes.v1` in the same lane; `winnow.shadows.v1` for a sample of the answers of other models than
///   the full one
final class EndpointEscalations: Sendable {
    typealias OpenItem = Escalation.OpenItem

    /// What comes of a step.
    private enum Conclusion {
        case outcome(Outcome)
        /// Until its tenant's budget has room again.
        case waits
        /// It is expired or cancelled.
        case over
    }

    /// After so many deliveries a step that gets no answer fails, instead of trying for ever.
    private static let deliveries = 3

    private let source: EventSource
    private let endpoints: [Route: FullEndpoint]
    /// The routes of which a model is an endpoint.
    let routes: Set<Route>
    let small: SmallEndpoints?
    private let encoders: EscalationHandler
    private let ledger: EndpointLedger
    private let catalog: LiveCatalog
    private let earlier: EarlierCatalogs?
    private let languages: LanguageMetrics
    private let triage: StepTriage<Escalation>

    /// - Parameters:
    ///   - endpoints: the full models.
    ///   - small: the small models.
    ///   - encoders: the middle models, and the full models of steps whose small model alone is an endpoint.
    ///   - earlier: the words of requests that an earlier version of the catalog has accepted. Without it they are asked
    ///     in those of the catalog in force.
    init(
        service: String, endpoints: [Route: FullEndpoint], small: SmallEndpoints? = nil, encoders: EscalationHandler,
        ledger: EndpointLedger, catalog: LiveCatalog, earlier: EarlierCatalogs? = nil,
        cancellations: any Cancellations, metrics: Metrics
    ) {
        source = EventSource(service: service)
        self.endpoints = endpoints
        self.small = small
        self.encoders = encoders
        self.ledger = ledger
        self.catalog = catalog
        self.earlier = earlier
        languages = LanguageMetrics(metrics)
        routes = Set(endpoints.keys).union(small?.endpoints.keys.map(\.self) ?? [])
        triage = StepTriage(
            source: source, routes: Array(routes), unknownRoute: "the full model does not answer this task",
            cancellations: cancellations, metrics: metrics)
    }

    func handle(_ record: Record) async throws -> [OutgoingRecord] {
        let (accepted, settled) = triage.sort([record])
        guard let step = accepted.first.map({ EscalatedStep($0, catalog.current, counting: languages) }) else {
            return settled
        }
        let task = try await earlier?.task(step.escalation.route, in: step.escalation.catalogVersion)
        return try await ledger.turns.take(step.id) { try await answer(step, task) }
    }

    /// - Parameter task: the task in the words in which the step is asked about.
    private func answer(_ asked: EscalatedStep, _ task: TaskDescription?) async throws -> [OutgoingRecord] {
        var tried = SmallEndpoints.Reduced(step: asked)
        if let small {
            switch try await small.answer(asked, as: task, isOver: { self.isOver(asked) }) {
            case .over: return over(asked)
            case .asked(let reduced): tried = reduced
            }
        }
        let (conclusion, reduced) = try await conclusion(of: tried.step, task)
        let checks = [tried.shadow, reduced.shadow].compactMap(\.self)
        switch conclusion {
        case .outcome(let outcome):
            if outcome.state == .answered { try await small?.count(tried) }
            return [source.outcome(outcome, of: asked.event)] + checks
        case .waits: return checks
        case .over: return over(reduced.step) + checks
        }
    }

    private func isOver(_ step: EscalatedStep) -> Bool {
        triage.verdict(on: step.event, step.escalation.route, at: .now) != .compute
    }

    private func over(_ step: EscalatedStep) -> [OutgoingRecord] {
        let verdict = triage.verdict(on: step.event, step.escalation.route, at: .now)
        // No answer can come before the deadline, although it may not have passed yet.
        let outcome = triage.outcome(verdict == .compute ? .expired : verdict, of: step.escalation)
        return outcome.map { [source.outcome($0, of: step.event)] } ?? []
    }

    /// Asks the middle model, and then the full one.
    private func conclusion(
        of step: EscalatedStep, _ task: TaskDescription?
    ) async throws -> (Conclusion, MiddleTier.Reduced) {
        guard let endpoint = endpoints[step.escalation.route]?.asking(task) else {
            let ending = try await encoders.endings(of: [step])[0]
            return (
                ending.outcome.map { .outcome($0) } ?? .waits, MiddleTier.Reduced(step: step, shadow: ending.shadow)
            )
        }
        guard let middle = encoders.middle, middle.mayAnswer(step) else {
            return (try await conclusion(of: step, endpoint), MiddleTier.Reduced(step: step))
        }
        // The middle model may answer other items than at an earlier delivery, since certificates come and go. What the
        // full model has been paid for goes first, so that it is not asked about in other company.
        let paid = try await inquiry(endpoint, step).paid(for: step)
        let reduced = try await middle.answer([step.after(accepting: paid, of: [:])])[0]
        return (try await conclusion(of: reduced.step, endpoint), reduced)
    }

    private func inquiry(_ endpoint: FullEndpoint, _ step: EscalatedStep) -> EndpointInquiry {
        EndpointInquiry(
            endpoint: endpoint, kind: .full, ledger: ledger,
            firstNumber: catalog.current.firstReservedNumber(of: endpoint.route), isOver: { self.isOver(step) })
    }

    private func conclusion(of step: EscalatedStep, _ endpoint: FullEndpoint) async throws -> Conclusion {
        var inquiry = inquiry(endpoint, step)
        inquiry.note = { [catalog] in $0.count($2, to: $1, of: step, endpoint, catalog.current) }
        let replies = try await inquiry.replies(to: step)
        for case .failed(let error) in replies.map(\.reply) {
            // While its server is unavailable, a step waits until its deadline. What the server answers with an error
            // is tried again by a later delivery, and not for ever.
            if error.isRetriable, error.isDependencyUnavailable || step.delivery < Self.deliveries { throw error }
        }
        var given: [(item: OpenItem, answer: Answer)] = [], open: [OpenItem] = [], budget: Budget?
        for (items, reply) in replies {
            switch reply {
            case .over: return .over
            case .failed(let error):
                return .outcome(step.failure("the full model did not answer: \(error.code.rawValue)"))
            case .answered(let answers): given += zip(items, answers).map { ($0, $1) }
            case .refused(let refusing):
                open += items
                budget = refusing
            }
        }
        guard let budget else { return .outcome(step.outcome(given)) }
        encoders.countRefusal(by: budget)
        return step.outcome(of: open, refusedBy: budget, given).map { .outcome($0) } ?? .waits
    }
}

extension [LedgerEntry] {
    /// Notes at the try that was answered what the answers are worth: how often the small model would have said the
    /// same, and what the full model alone would have cost for items that no other attempt counts.
    fileprivate mutating func count(
        _ answers: [Answer], to items: [Escalation.OpenItem], of step: EscalatedStep, _ endpoint: FullEndpoint,
        _ catalog: Catalog
    ) {
        guard let place = firstIndex(where: { $0.attempt.state == .settled }) else { return }
        let guessed = zip(items, answers).compactMap { item, answer in item.guess.map { ($0.output, answer.output) } }
        self[place].guesses = LedgerEntry.Guesses(
            known: guessed.count, agreed: guessed.count { endpoint.comparator.agree($0.0, $0.1) })
        let counted = zip(items, answers).filter { step.isCountedHere($0, $1.label, catalog) }.count
        guard counted > 0 else { return }
        let usage = self[place].attempt.usage
        self[place].attempt.counterfactual = usage.share(counted, of: answers.count)
        self[place].counterfactualCost = self[place].cost.share(counted, of: answers.count)
        // With one question for the whole request, the instructions would be read once. So of this call only the text
        // and the answer count, by our own estimate of the text's tokens, which is rather too low.
        let text = items.reduce(0) { $0 + $1.text.utf8.count } / 4
        let own = Swift.min(Int64(text) + usage.outputTokens, usage.inputTokens + usage.outputTokens)
        self[place].onceCost = self[place].counterfactualCost.share(
            Int(own), of: Int(Swift.max(1, usage.inputTokens + usage.outputTokens)))
    }
}
