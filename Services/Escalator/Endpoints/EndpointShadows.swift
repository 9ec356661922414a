import Contracts
import Delivery
import Lifecycle
import MessageBus
import Models
import Planning
import Store
import WorkerKit

/// Asks endpoints about items that small or middle models have answered, to check whether certificates still hold.
///
/// A reference, since each of hundreds of steps that wait would hold copies of it.
/// - Consumes: `winnow.shadows.v1`, for routes whose full model is an endpoint
/// - Produces: nothing; comparisons are rows
final class EndpointShadows: Sendable {
    private let source: EventSource
    let endpoints: [Route: FullEndpoint]
    private let judges: [Route: FullEndpoint]
    private let ledger: EndpointLedger
    private let register: any ShadowRegister
    private let catalog: LiveCatalog

    /// - Parameter judges: `EndpointSet.judges(of:)`
    init(
        service: String, endpoints: [Route: FullEndpoint], judges: [Route: FullEndpoint] = [:], ledger: EndpointLedger,
        register: any ShadowRegister, catalog: LiveCatalog
    ) {
        source = EventSource(service: service)
        self.endpoints = endpoints
        self.judges = judges
        self.ledger = ledger
        self.register = register
        self.catalog = catalog
    }

    func handle(_ record: Record) async throws -> [OutgoingRecord] {
        var read: ShadowedStep?
        let deadLetters = source.read([record]) { record throws(ContractError) in
            read = try ShadowedStep(record) { endpoints[$0] != nil }
        }
        guard let step = read, let endpoint = endpoints[step.shadow.route] else { return deadLetters }
        try await ledger.turns.take(step.step) { try await compare(step, endpoint) }
        return deadLetters
    }

    private func compare(_ step: ShadowedStep, _ endpoint: FullEndpoint) async throws {
        let known = try await register.compared(among: step.texts(for: endpoint.identity))
        let items = step.shadow.items.enumerated().filter { !known.contains($0.offset) }.map(\.element)
        for items in endpoint.chunks(items) { try await compare(items, of: step, endpoint) }
    }

    private func compare(
        _ items: [Shadow.Item], of step: ShadowedStep, _ endpoint: FullEndpoint
    ) async throws {
        let (ending, entries) = await call(endpoint, of: step).ask(
            items.map { .text($0.text) }, until: nil, in: .bulk)
        guard case .answered(let outputs) = ending else {
            try await ledger.settle(entries, comparing: [])
            return try finish(ending)
        }
        // A fallback is another model, whose answers say nothing about the certificate.
        let pairs = zip(items, outputs.map { endpoint.answer($0, decidedBy: .full) }).filter {
            $1.model == endpoint.identity.description
        }
        guard let judge = judges[endpoint.route] else {
            let verdicts = pairs.map { endpoint.comparator.agree($0.output, $1.output) }
            return try await ledger.settle(entries, comparing: comparisons(pairs.map(\.0), verdicts, step, endpoint))
        }
        // The judge may be away for long, and what the full model's answers have cost is known only here.
        try await ledger.settle(entries, comparing: [])
        let verdicts = try await self.verdicts(pairs.map { ($0, $1.output) }, of: step, endpoint, judge)
        try await ledger.settle([], comparing: comparisons(pairs.map(\.0), verdicts, step, endpoint))
    }

    private func call(_ endpoint: FullEndpoint, of step: ShadowedStep) -> EndpointCall {
        EndpointCall(
            endpoint, kind: .shadow, from: catalog.current.firstReservedNumber(of: endpoint.route), step: step.step,
            tenant: step.tenant, isOver: { false }, reserve: { [ledger] in try await ledger.start($0) })
    }

    private func comparisons(
        _ items: [Shadow.Item], _ verdicts: [Bool], _ step: ShadowedStep, _ endpoint: FullEndpoint
    ) -> [ShadowComparison] {
        let now = Timestamp.now
        return zip(items, verdicts).map { step.comparison($0, agrees: $1, by: endpoint.identity, at: now) }
    }

    /// Asks the judge about the answers that differ in form.
    ///
    /// Answers that are equal in form need no judge, so those that wait for it are more often different. Leaving them out
    /// while it is away would make a certificate look better than it is. What the judge refuses, or a fallback decides,
    /// has not been shown to agree.
    private func verdicts(
        _ pairs: [(item: Shadow.Item, full: Answer.Output)], of step: ShadowedStep, _ endpoint: FullEndpoint,
        _ judge: FullEndpoint
    ) async throws -> [Bool] {
        var verdicts = pairs.map { endpoint.comparator.agree($0.item.output, $0.full) }
        let open = verdicts.indices.filter { !verdicts[$0] }
        let asked = open.map { Judge.Pair(input: pairs[$0].item.text, pairs[$0].item.output, pairs[$0].full) }
        guard !asked.isEmpty else { return verdicts }
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while true {
            let (ending, entries) = await call(judge, of: step).ask(
                Judge.inputs(asked).map { .text($0) }, until: nil, in: .bulk)
            try await ledger.settle(entries, comparing: [])
            switch ending {
            case .answered(let outputs):
                let own = outputs.map { $0.model == judge.model.identity ? $0 : nil }
                for (place, agrees) in zip(open, Judge.verdicts(own)) { verdicts[place] = agrees }
                return verdicts
            case .failed(let error) where error.isRetriable:
                guard await sleepUnlessShutDown(for: backoff.next(using: &generator)) else { throw error }
            case .failed: return verdicts
            case .stopped: try finish(ending)
            }
        }
    }

    /// - Throws: an error after which the record is handled again.
    private func finish(_ ending: EndpointCall.Ending) throws {
        switch ending {
        case .answered: break
        case .stopped(.fault(let error)): throw error
        // What the server refuses is charged and proves nothing. A sample may have gaps.
        case .failed(let error) where error.isRetriable: throw error
        case .failed, .stopped: break
        }
    }
}
