import Contracts
import MessageBus
import Planning
import Store

/// The sampled items of one step, which the full model answers in the background.
struct ShadowedStep: Sendable {
    let step: Step.ID
    let tenant: TenantID
    var shadow: Shadow

    /// - Parameter answerable: whether the full model answers a route.
    /// - Throws: `ContractError`
    init(_ record: Record, answerable: (Route) -> Bool) throws(ContractError) {
        let event = try StepEvent(record, as: EventType.shadow)
        shadow = try event.body(Shadow.init(decoding:))
        guard answerable(shadow.route) else {
            throw ContractError(.wrongType, "the full model does not answer this task")
        }
        step = Step.ID(request: event.request, ordinal: shadow.step)
        tenant = event.tenant
    }

    /// What identifies the comparisons with a full model.
    func texts(for model: ModelIdentity) -> [ShadowText] {
        shadow.items.map {
            ShadowText(
                certificate: shadow.certificate, fullModel: model.description, tenant: tenant, text: $0.text)
        }
    }

    func comparison(
        _ item: Shadow.Item, agrees: Bool, by model: ModelIdentity, at now: Timestamp
    ) -> ShadowComparison {
        ShadowComparison(
            step: step, item: item.index, tenant: tenant, text: item.text, route: shadow.route,
            smallModel: shadow.smallModel, fullModel: model.description, certificate: shadow.certificate,
            probability: shadow.probability, confidence: item.confidence, agrees: agrees, decidedAt: shadow.decidedAt,
            comparedAt: now)
    }
}
