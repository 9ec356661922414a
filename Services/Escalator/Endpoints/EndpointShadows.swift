import Contracts
import Delivery
import MessageBus
import Models
import Planning
import Store
import WorkerKit

/// Asks endpoints about items that small or middle models have answered, to check whether certificates still hold.
///
/// - Consumes: `winnow.shadows.v1`, for routes whose full model is an endpoint
/// - Produces: nothing; comparisons are rows
struct EndpointShadows: Sendable {
    private let source: EventSource
    private let endpoints: [Route: FullEndpoint]
    private let ledger: EndpointLedger
    private let register: any ShadowRegister
    private let catalog: LiveCatalog

    init(
        service: String, endpoints: [Route: FullEndpoint], ledger: EndpointLedger, register: any ShadowRegister,
        catalog: LiveCatalog
    ) {
        source = EventSource(service: service)
        self.endpoints = endpoints
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
        let call = EndpointCall(
            endpoint, kind: .shadow, from: catalog.current.firstReservedNumber(of: endpoint.route), step: step.step,
            tenant: step.tenant, isOver: { false },
            reserve: { try await ledger.start($0) })
        let (ending, entries) = await call.ask(items.map(\.text), until: nil, in: .bulk)
        var comparisons: [ShadowComparison] = []
        if case .answered(let outputs) = ending {
            let now = Timestamp.now
            comparisons = zip(items, outputs).compactMap { item, output in
                let answer = endpoint.answer(output)
                // A fallback is another model, whose answers say nothing about the certificate.
                guard answer.model == endpoint.identity.description else { return nil }
                return step.comparison(
                    item, agrees: endpoint.comparator.agree(item.output, answer.output), by: endpoint.identity, at: now)
            }
        }
        try await ledger.settle(entries, comparing: comparisons)
        switch ending {
        case .answered: break
        case .stopped(.fault(let error)): throw error
        // What the server refuses is charged and proves nothing. A sample may have gaps.
        case .failed(let error) where error.isRetriable: throw error
        case .failed, .stopped: break
        }
    }
}
