import Contracts
import Delivery
import Inference
import MessageBus
import Store
import WorkerKit

/// Handles all calls of the models in a lane: those of encoders in batches, and those of endpoints one by one, since they
/// take seconds.
struct FullModelHandler: BatchHandler {
    let escalations: EscalationHandler
    /// Background comparisons share the bulk lane's consumer: in an idle suite a consumer of their own would cost more
    /// than they do.
    let shadows: ShadowHandler
    /// `nil` if no model is an endpoint.
    let endpoints: Endpoints?

    /// The handlers of steps that an endpoint is asked about.
    struct Endpoints: Sendable {
        let escalations: EndpointEscalations
        let shadows: EndpointShadows
    }

    func prepare() async throws {
        try await escalations.prepare()
        try await shadows.prepare()
        await endpoints?.escalations.small?.prepare()
    }

    func isSlow(_ record: Record) -> Bool {
        guard let endpoints, let route = Escalation.route(of: record.value ?? []) else { return false }
        return record.topic == Topic.shadows
            ? endpoints.shadows.endpoints[route] != nil : endpoints.escalations.routes.contains(route)
    }

    func handleSlow(_ record: Record) async throws -> [OutgoingRecord] {
        // A record that was slow by an earlier catalog may have waited until its task got another full model.
        guard let endpoints, isSlow(record) else { return try await answer([record]) }
        return record.topic == Topic.shadows
            ? try await endpoints.shadows.handle(record) : try await endpoints.escalations.handle(record)
    }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        guard endpoints != nil else { return try await answer(records) }
        // A batch is repeated while the database is away, and meanwhile a task may get an endpoint.
        let slow = records.map(isSlow)
        var emitted = try await answer(zip(records, slow).filter { !$0.1 }.map(\.0))
        for (record, isSlow) in zip(records, slow) where isSlow { emitted += try await handleSlow(record) }
        return emitted
    }

    /// Asks encoders.
    private func answer(_ records: [Record]) async throws -> [OutgoingRecord] {
        let checks = records.filter { $0.topic == Topic.shadows }
        let emitted =
            checks.count < records.count
            ? try await escalations.handle(records.filter { $0.topic != Topic.shadows }) : []
        return emitted + (checks.isEmpty ? [] : try await shadows.handle(checks))
    }
}

extension LedgerEntry {
    /// Reserves a call of the full model at the maximum number of tokens that it can take. The ledger sets the call's
    /// instant and price.
    /// - Parameter number: `Catalog.firstReservedNumber`
    init(
        _ kind: Attempt.Kind, from number: Int, of step: Step.ID, tenant: TenantID, _ group: BatchClassification.Group,
        on classifier: any Classifier
    ) {
        let model = classifier.identity(of: group.route)
        let tokens = zip(group.texts, group.contexts).reduce(0) {
            $0 + classifier.mostTokens(of: $1.0, in: $1.1, as: group.route)
        }
        self.init(
            step: step, tenant: tenant, route: group.route,
            attempt: Attempt(
                number: number, kind: kind, state: .started, model: model.name, version: model.version,
                items: group.texts.count, usage: TokenUsage(inputTokens: Int64(tokens), flops: 0), durationMicros: 0,
                startedAt: .now),
            cost: .zero, counterfactualCost: .zero)
    }

    /// The settled call keeps the instant of its reservation, which decides its price and budget period.
    /// - Parameter answered: predictions for the items that no other attempt counts in the cost of the full model
    ///   alone.
    func settled(
        by share: BatchClassification.Share, pricing: PriceList, answered: [Prediction] = []
    ) throws(ContractError) -> LedgerEntry {
        func cost(_ usage: TokenUsage) throws(ContractError) -> PicoDollars {
            try pricing.cost(of: usage, model: attempt.model, at: attempt.startedAt)
        }
        var entry = self
        entry.attempt.state = .settled
        entry.attempt.usage = share.usage
        entry.attempt.durationMicros = share.durationMicros
        entry.cost = try cost(share.usage)
        entry.attempt.counterfactual = BatchClassification.usage(of: answered)
        entry.counterfactualCost = try cost(entry.attempt.counterfactual)
        entry.onceCost = try cost(entry.attempt.counterfactual.joined(texts: answered.count))
        return entry
    }

    /// A retriable call was never answered, so it costs nothing. Any other failed call keeps its reserved price.
    func failed(_ error: InferenceError) -> LedgerEntry {
        var entry = self
        entry.attempt.state = .failed
        entry.attempt.error = error.code.rawValue
        if error.isRetriable { (entry.attempt.usage, entry.cost) = (.zero, .zero) }
        return entry
    }
}
