import Contracts
import Delivery
import Inference
import MessageBus
import Planning
import Store
import WorkerKit

/// Asks the full model about items that small or middle models have answered, to check whether certificates still hold. No
/// request waits for it.
///
/// A reference, since each of hundreds of steps that wait would hold copies of it.
/// - Consumes: `winnow.shadows.v1`
/// - Produces: nothing; comparisons are rows
final class ShadowHandler: BatchHandler {
    private let source: EventSource
    private let classifier: any Classifier
    private let register: any ShadowRegister
    private let prices: PriceBook
    private let catalog: LiveCatalog
    private let gate: LaneGate?

    /// What one tier has answered of a step.
    private struct Key: Hashable {
        let step: Step.ID
        let certificate: Certificate.ID
    }

    /// - Parameter gate: the point at which shadows yield to the interactive lane.
    init(
        service: String, classifier: any Classifier, register: any ShadowRegister, prices: PriceBook,
        catalog: LiveCatalog, gate: LaneGate? = nil
    ) {
        source = EventSource(service: service)
        self.classifier = classifier
        self.register = register
        self.prices = prices
        self.catalog = catalog
        self.gate = gate
    }

    func prepare() async throws { _ = try await prices.current() }

    func handle(_ records: [Record]) async throws -> [OutgoingRecord] {
        var shadows: [Key: ShadowedStep] = [:]
        let deadLetters = source.read(records) { record throws(ContractError) in
            let shadowed = try ShadowedStep(record, answerable: classifier.routes.contains)
            shadows[Key(step: shadowed.step, certificate: shadowed.shadow.certificate)] = shadowed
        }
        let calls = try await new(shadows.values.sorted { $0.step.request < $1.step.request })
        if !calls.isEmpty { try await compare(calls) }
        return deadLetters
    }

    /// Omits texts that have been compared before, also by an earlier call of the batch.
    private func new(_ calls: [ShadowedStep]) async throws -> [ShadowedStep] {
        let texts = calls.flatMap { $0.texts(for: classifier.identity(of: $0.shadow.route)) }
        let known = try await register.compared(among: texts)
        var asked: Set<[[UInt8]]> = []
        var place = 0
        return calls.compactMap { call in
            var call = call
            call.shadow.items = call.shadow.items.filter { item in
                defer { place += 1 }
                let names = [call.shadow.certificate.description, call.tenant.rawValue, item.text]
                return !known.contains(place) && asked.insert(names.map { Array($0.utf8) }).inserted
            }
            return call.shadow.items.isEmpty ? nil : call
        }
    }

    private func compare(_ calls: [ShadowedStep]) async throws {
        let pricing = try await prices.current()
        let catalog = catalog.current
        let started = try await register.start(
            calls.map {
                LedgerEntry(
                    .shadow, from: catalog.firstReservedNumber(of: $0.shadow.route), of: $0.step, tenant: $0.tenant,
                    $0.group, on: classifier)
            }
        ) { try pricing.begun($0, at: $1) }
        do {
            let shares = try await BatchClassification.run(
                calls.map(\.group), on: classifier, gate: gate)
            let now = Timestamp.now
            // A text that the model cannot answer is charged and proves nothing. A sample may have gaps.
            try await register.settle(
                try zip(started, shares).map { entry, share in
                    switch share {
                    case .success(let share): try entry.settled(by: share, pricing: pricing)
                    case .failure(let error): entry.failed(error)
                    }
                },
                comparing: zip(calls, shares).flatMap { call, share in
                    (try? share.get()).map {
                        call.comparisons($0, by: classifier.identity(of: call.shadow.route), at: now)
                    } ?? []
                })
        } catch let error as InferenceError {
            // A transient fault: the delivery loop retries.
            try await register.settle(started.map { $0.failed(error) }, comparing: [])
            throw error
        }
    }
}

extension ShadowedStep {
    fileprivate var group: BatchClassification.Group {
        .init(route: shadow.route, texts: shadow.items.map(\.text))
    }

    fileprivate func comparisons(
        _ share: BatchClassification.Share, by model: ModelIdentity, at now: Timestamp
    ) -> [ShadowComparison] {
        zip(shadow.items, share.predictions).map { item, prediction in
            let agrees = item.output.label.map { prediction.accepts($0, from: shadow.tieShare) } ?? false
            return comparison(item, agrees: agrees, by: model, at: now)
        }
    }
}
