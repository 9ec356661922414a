import Contracts
import Delivery
import Inference
import MessageBus
import Models
import Planning
import Store
import Telemetry
import WorkerKit

/// Asks endpoints that are small models, before any other model of their tasks is asked.
///
/// A worker has no database and could not reserve a call, so such a task has no worker. Its rows in the ledger are those
/// of a worker, and its answers are kept like the full model's. An endpoint without a valid certificate is not asked:
/// its answers would cost money and could not be used.
/// - Source: infra/decisions/0056-tiers.md
struct SmallEndpoints: Sendable {
    /// What came of a step.
    enum Ending: Sendable {
        case asked(Reduced)
        /// The step is expired or cancelled.
        case over
    }

    /// A step without the items that its small endpoint has answered.
    struct Reduced: Sendable {
        let step: EscalatedStep
        /// What was answered.
        var accepted: [(text: String, answer: Answer)] = []
        /// The accepted answers that are compared in the background; `nil` if none was drawn.
        var shadow: OutgoingRecord?
    }

    let endpoints: [Route: FullEndpoint]
    private let source: EventSource
    private let certificates: any Certificates
    private let counterfactual: Counterfactual
    private let draw: ShadowDraw
    private let metrics: AnswerMetrics
    private let ledger: EndpointLedger
    private let prices: PriceBook
    private let catalog: LiveCatalog

    /// - Parameters:
    ///   - certificates: those of the endpoints against the full models.
    ///   - counterfactual: what the full models alone would consume.
    init(
        service: String, endpoints: [Route: FullEndpoint], certificates: any Certificates,
        counterfactual: Counterfactual, draw: ShadowDraw, metrics: Metrics, ledger: EndpointLedger, prices: PriceBook,
        catalog: LiveCatalog
    ) {
        source = EventSource(service: service)
        self.endpoints = endpoints
        self.certificates = certificates
        self.counterfactual = counterfactual
        self.draw = draw
        self.metrics = AnswerMetrics(metrics)
        self.ledger = ledger
        self.prices = prices
        self.catalog = catalog
    }

    func prepare() async {
        if !endpoints.isEmpty { await certificates.prepare() }
    }

    /// - Parameters:
    ///   - task: the task in the words in which the step is asked about. The certificate is about those in force, and
    ///     in others the endpoint is another model.
    ///   - isOver: whether the step is expired or cancelled.
    /// - Throws: errors of the ledger.
    func answer(
        _ step: EscalatedStep, as task: TaskDescription?, isOver: @escaping @Sendable () -> Bool
    ) async throws -> Ending {
        let route = step.escalation.route
        // A step that a worker was asked about was escalated when the small model was still an encoder.
        guard let endpoint = endpoints[route], endpoint.asking(task).identity == endpoint.identity,
            !step.escalation.attempts.contains(where: { $0.kind == .worker }),
            let certificate = certificates.certificate(route, for: step.event.tenant)
        else { return .asked(Reduced(step: step)) }
        let inquiry = EndpointInquiry(
            endpoint: endpoint, kind: .worker, ledger: ledger,
            firstNumber: catalog.current.firstReservedNumber(of: route), isOver: isOver)
        var said: [Int: Answer] = [:], accepted: [Int: Answer] = [:]
        for (items, reply) in try await inquiry.replies(to: step.forEarlierTiers) {
            switch reply {
            case .over: return .over
            // The full model answers what the small one does not. No budget limits a small model.
            case .failed, .refused: break
            case .answered(let answers):
                for (item, answer) in zip(items, answers) {
                    said[item.index] = answer
                    if certificate.accepts(answer) { accepted[item.index] = answer }
                }
            }
        }
        metrics.answered(accepted.count, escalated: step.escalation.open.count - accepted.count)
        let shadow = step.shadow(draw, of: accepted, by: endpoint.identity, under: certificate, at: .now)
        metrics.shadowed.increment(by: shadow?.items.count ?? 0)
        return .asked(
            Reduced(
                step: step.after(accepting: accepted, of: said),
                accepted: step.escalation.open.compactMap { item in accepted[item.index].map { (item.text, $0) } },
                shadow: shadow.map { source.shadow($0, of: step.event) }))
    }

    /// Notes in the ledger what the full model alone would have cost for the items that the small endpoint has answered.
    ///
    /// It is noted once the step is answered, since nothing is saved for a step that fails. The row is the step's first
    /// settled call of the endpoint, and the amount follows from the answers. So a repetition after a crash writes the
    /// same again.
    func count(_ reduced: Reduced) async throws {
        guard !reduced.accepted.isEmpty else { return }
        let step = reduced.step, route = step.escalation.route
        let rows = try await ledger.rows(of: step.id, .worker)
        guard let full = catalog.current[route]?.models.full,
            var row = rows.first(where: { $0.attempt.state == .settled })
        else { return }
        let usage = counterfactual.usage(of: reduced.accepted.map(Prediction.init), route: route)
        let pricing = try await prices.current()
        row.attempt.counterfactual = usage
        row.counterfactualCost = try pricing.cost(of: usage, model: full, at: row.attempt.startedAt)
        row.onceCost = try pricing.cost(
            of: usage.joined(texts: reduced.accepted.count), model: full, at: row.attempt.startedAt)
        try await ledger.settle([row], keeping: nil)
    }
}

extension Certificate {
    /// Whether an endpoint's answer counts as the full model's. A label of which only the model itself says how sure it is
    /// never does, nor does the answer of a fallback, which is another model, nor one without its end.
    fileprivate func accepts(_ answer: Answer) -> Bool {
        guard answer.model == smallModel, !answer.isTruncated else { return false }
        guard answer.label != nil else { return Certificate.confidenceOfTexts >= acceptThreshold }
        return answer.evidence.isCertifiable && answer.confidence >= acceptThreshold
    }
}

extension Prediction {
    /// Bytes a token, by which the tokens of a text are estimated. It is rather too many, so the tokens are too few.
    private static let bytesPerToken = 4

    /// An answer as an encoder would have given it. The endpoint's own tokens hold its instructions and samples.
    fileprivate init(_ answered: (text: String, answer: Answer)) {
        self.init(
            label: answered.answer.output.said, confidence: answered.answer.confidence, isSure: true,
            inputTokens: answered.text.utf8.count / Self.bytesPerToken, flops: 0)
    }
}
