import Contracts
import Delivery
import Inference
import MessageBus
import Store
import WorkerKit

/// What the full model says of items that small models have answered. Nobody waits for it: it tells whether certificates
/// still hold.
///
/// - Consumes: `winnow.shadows.v1`
/// - Produces: nothing; comparisons are rows
struct ShadowHandler: BatchHandler {
    private let source: EventSource
    private let classifier: any Classifier
    private let register: any ShadowRegister
    private let prices: PriceBook
    private let gate: LaneGate?

    /// - Parameter gate: where it gives way to steps that somebody waits for.
    init(
        service: String, classifier: any Classifier, register: any ShadowRegister, prices: PriceBook,
        gate: LaneGate? = nil
    ) {
        source = EventSource(service: service)
        self.classifier = classifier
        self.register = register
        self.prices = prices
        self.gate = gate
    }

    func prepare() async throws { _ = try await prices.current() }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        var emitted: [OutgoingRecord] = []
        var shadows: [Step.ID: Call] = [:]
        for record in records {
            do throws(ContractError) {
                let event = try StepEvent(record, as: EventType.shadow)
                let shadow = try event.body(Shadow.init(decoding:))
                guard classifier.routes.contains(shadow.route) else {
                    throw ContractError(.wrongType, "the full model does not answer this task")
                }
                let step = Step.ID(request: event.request, ordinal: shadow.step)
                shadows[step] = Call(step: step, tenant: event.tenant, shadow: shadow)
            } catch {
                emitted.append(source.deadLetter(record, error))
            }
        }
        guard !shadows.isEmpty else { return emitted }
        for step in try await register.compared(among: Array(shadows.keys)) { shadows[step] = nil }
        if !shadows.isEmpty { try await compare(shadows.values.sorted { $0.step.request < $1.step.request }) }
        return emitted
    }

    private func compare(_ calls: [Call]) async throws {
        let pricing = try await prices.current()
        let model = classifier.identity
        let started = try await register.start(
            calls.map { pricing.reservation(.shadow, of: $0.step, tenant: $0.tenant, $0.group, on: model) })
        do {
            let shares = try await BatchClassification.run(
                calls.map(\.group), on: classifier, gate: gate)
            let now = Timestamp.now
            try await register.settle(
                zip(started, shares).map { entry, share in entry.settled(by: share, pricing: pricing) },
                comparing: zip(calls, shares).flatMap { $0.comparisons($1, by: model, at: now) })
        } catch let error as InferenceError {
            // Paid for, and it tells nothing: a sample with a gap is still one.
            try await register.settle(started.map { $0.failed(error.code.rawValue) }, comparing: [])
        }
    }

    /// The drawn items of one step.
    private struct Call {
        let step: Step.ID
        let tenant: TenantID
        let shadow: Shadow

        var group: BatchClassification.Group { .init(route: shadow.route, texts: shadow.items.map(\.text)) }

        func comparisons(
            _ share: BatchClassification.Share, by model: ModelIdentity, at now: Timestamp
        ) -> [ShadowComparison] {
            zip(shadow.items, share.predictions).map { item, prediction in
                ShadowComparison(
                    step: step, item: item.index, route: shadow.route, smallModel: shadow.smallModel,
                    fullModel: model.description, certificate: shadow.certificate, probability: shadow.probability,
                    confidence: item.confidence, agrees: prediction.accepts(item.label, from: shadow.equalFrom),
                    decidedAt: shadow.decidedAt, comparedAt: now)
            }
        }
    }
}
