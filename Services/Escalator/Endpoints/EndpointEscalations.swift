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

/// Asks endpoints for the items that a small model was not sure of, or that no small model answers yet.
///
/// Each step is handled by itself, because its calls take seconds and end at any time. Every answer is kept as soon as
/// it is paid for, so a step that is delivered again only asks for what is missing.
/// - Consumes: `winnow.escalations.v1`, or the bulk lane's, for routes whose full model is an endpoint
/// - Produces: `winnow.outcomes.v1` in the same lane
struct EndpointEscalations: Sendable {
    typealias OpenItem = Escalation.OpenItem

    /// Items that are asked about together.
    private struct Chunk: Sendable {
        let items: [OpenItem]
        let question: QuestionDigest

        init(_ items: [OpenItem]) {
            self.items = items
            question = QuestionDigest(items)
        }
    }

    /// What came of a chunk.
    private enum Reply: Sendable {
        case answered([Answer])
        case refused(Budget)
        case failed(String)
        /// The step is expired or cancelled.
        case over
    }

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
    private let middle: MiddleTier?
    private let ledger: EndpointLedger
    private let catalog: LiveCatalog
    private let earlier: EarlierCatalogs?
    private let triage: StepTriage<Escalation>
    private let refused: @Sendable (Budget) -> Void

    /// - Parameters:
    ///   - middle: is asked before the endpoints, about each step by itself.
    ///   - earlier: the words of requests that an earlier version of the catalog has accepted. Without it they are asked
    ///     in those of the catalog in force.
    ///   - refused: is told of each step that its tenant's budget refuses.
    init(
        service: String, endpoints: [Route: FullEndpoint], middle: MiddleTier? = nil, ledger: EndpointLedger,
        catalog: LiveCatalog, earlier: EarlierCatalogs? = nil, cancellations: any Cancellations, metrics: Metrics,
        refused: @escaping @Sendable (Budget) -> Void
    ) {
        source = EventSource(service: service)
        self.endpoints = endpoints
        self.middle = middle
        self.ledger = ledger
        self.catalog = catalog
        self.earlier = earlier
        self.refused = refused
        triage = StepTriage(
            source: source, routes: Array(endpoints.keys), unknownRoute: "the full model does not answer this task",
            cancellations: cancellations, metrics: metrics)
    }

    func handle(_ record: Record) async throws -> [OutgoingRecord] {
        let (accepted, settled) = triage.sort([record])
        guard let step = accepted.first.map(EscalatedStep.init), let endpoint = endpoints[step.escalation.route] else {
            return settled
        }
        let task = try await earlier?.task(endpoint.route, in: step.escalation.catalogVersion)
        return try await ledger.turns.take(step.id) { try await answer(step, endpoint.asking(task)) }
    }

    private func answer(_ asked: EscalatedStep, _ endpoint: FullEndpoint) async throws -> [OutgoingRecord] {
        let reduced = try await middle?.answer([asked]).first ?? MiddleTier.Reduced(step: asked)
        let step = reduced.step
        let checks = [reduced.shadow].compactMap(\.self)
        switch try await conclusion(of: step, endpoint) {
        case .outcome(let outcome): return [source.outcome(outcome, of: step.event)] + checks
        case .waits: return checks
        case .over:
            let verdict = triage.verdict(on: step.event, endpoint.route, at: .now)
            // No answer can come before the deadline, although it may not have passed yet.
            let outcome = triage.outcome(verdict == .compute ? .expired : verdict, of: step.escalation)
            return [outcome.map { source.outcome($0, of: step.event) }].compactMap(\.self) + checks
        }
    }

    private func conclusion(of step: EscalatedStep, _ endpoint: FullEndpoint) async throws -> Conclusion {
        guard !step.escalation.open.isEmpty else { return .outcome(step.outcome([])) }
        let chunks = endpoint.chunks(step.escalation.open).map(Chunk.init)
        let kept = try await ledger.recover(step.id, chunks.map(\.question))
        // All are waited for, since each keeps what it was answered.
        let places = endpoint.places[step.event.lane]
        let results = await withTaskGroup(of: (place: Int, result: Result<Reply, any Error>).self) { group in
            for (place, chunk) in chunks.enumerated() where kept[place] == nil {
                // Cancelled: the calls find that out themselves.
                let hasPlace = (try? await places?.take()) != nil
                group.addTask {
                    defer { if hasPlace { places?.giveBack() } }
                    return (place, await result(of: chunk, of: step, endpoint))
                }
            }
            return await group.reduce(into: [Int: Result<Reply, any Error>]()) { $0[$1.place] = $1.result }
        }
        let replies = try chunks.indices.map { place in
            try kept[place].map { .answered($0) } ?? results[place]?.get() ?? .over
        }
        return conclusion(of: step, zip(chunks, replies).map { ($0, $1) })
    }

    private func conclusion(of step: EscalatedStep, _ replies: [(chunk: Chunk, reply: Reply)]) -> Conclusion {
        var given: [(item: OpenItem, answer: Answer)] = [], open: [OpenItem] = [], budget: Budget?
        for (chunk, reply) in replies {
            switch reply {
            case .over: return .over
            case .failed(let message): return .outcome(step.failure(message))
            case .answered(let answers): given += zip(chunk.items, answers).map { ($0, $1) }
            case .refused(let refusing):
                open += chunk.items
                budget = refusing
            }
        }
        guard let budget else { return .outcome(step.outcome(given)) }
        refused(budget)
        return step.outcome(of: open, refusedBy: budget, given).map { .outcome($0) } ?? .waits
    }

    private func result(
        of chunk: Chunk, of step: EscalatedStep, _ endpoint: FullEndpoint
    ) async -> Result<Reply, any Error> {
        do {
            return .success(try await reply(to: chunk, of: step, endpoint))
        } catch {
            return .failure(error)
        }
    }

    private func reply(
        to chunk: Chunk, of step: EscalatedStep, _ endpoint: FullEndpoint
    ) async throws -> Reply {
        let call = EndpointCall(
            endpoint, kind: .full, from: catalog.current.firstReservedNumber(of: endpoint.route), step: step.id,
            tenant: step.event.tenant,
            isOver: { triage.verdict(on: step.event, endpoint.route, at: .now) != .compute },
            reserve: { try await ledger.reserve($0, chunk.question) })
        var (ending, entries) = await call.ask(
            chunk.items.map(\.text), until: step.event.event.expiryTime, in: step.event.lane)
        switch ending {
        case .answered(let outputs):
            let answers = outputs.map(endpoint.answer)
            entries.count(answers, to: chunk.items, of: step, endpoint, catalog.current)
            // Emitted only after this, so that a crash in between asks nothing again.
            try await ledger.settle(
                entries, keeping: PaidAnswer(step: step.id, question: chunk.question, answers: answers))
            return .answered(answers)
        case .stopped(let obstacle):
            try await ledger.settle(entries, keeping: nil)
            switch obstacle {
            case .stepIsOver: return .over
            case .refused(let budget): return .refused(budget)
            case .answered(let answers): return .answered(answers)
            case .fault(let error): throw error
            }
        case .failed(let error):
            try await ledger.settle(entries, keeping: nil)
            if error.code == .deadlineExceeded { return .over }
            // While its server is unavailable, a step waits until its deadline. What the server answers with an error
            // is tried again by a later delivery, and not for ever.
            if error.isRetriable, error.isDependencyUnavailable || step.delivery < Self.deliveries { throw error }
            return .failed("the full model did not answer: \(error.code.rawValue)")
        }
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
        let counted = answers.count { step.isCountedHere($0.label, catalog) }
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
