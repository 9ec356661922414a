import Contracts
import JSON
import Store

/// The answer to a request, which integrators read from `winnow.results.v1`.
///
/// It depends only on what was decided when the request became final. A result that is sent again is therefore
/// identical byte for byte, until the payload is erased. After that it has the same status and cost, no steps, and
/// `"erased": true`.
/// - Shape: `{"id", "requestId", "status", "error"?, "retryAfterSeconds"?, "erased"?: true, "steps": [{"capability",
///   "task", "status", "items": […]}], "usage", "cost": {…, "final"?: false}}`
public enum ResultMessage {
    /// An item that was routed to several capabilities appears once for each, so a result may be larger than its
    /// request. If the result exceeds `Limits.resultBytes`, its items have no `text`; their `span` gives the position, and
    /// an item that took its text from an answer still names the answer.
    public static func encode(_ snapshot: RequestSnapshot) -> [UInt8] {
        let whole = encode(snapshot, withTexts: true)
        return whole.count <= Limits.resultBytes ? whole : encode(snapshot, withTexts: false)
    }

    private static func encode(_ snapshot: RequestSnapshot, withTexts: Bool) -> [UInt8] {
        let cost = snapshot.resultCost ?? ResultCost(totals: snapshot.totals, isFinal: true)
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.object { body in
            body.member("id", snapshot.eventID.text)
            body.member("requestId", snapshot.id.description)
            body.member("status", snapshot.state.rawValue)
            body.member("error", snapshot.error)
            body.optional("retryAfterSeconds", snapshot.retryAfterSeconds) { $0.integer($1) }
            if snapshot.isErased { body.member("erased", true) }
            body.name("steps")
            body.array(snapshot.isErased ? [] : presented(snapshot)) { writer, step in
                write(step, to: &writer, withTexts: withTexts)
            }
            body.name("usage")
            body.object { usage in
                usage.member("inputTokens", cost.totals.usage.inputTokens)
                usage.member("outputTokens", cost.totals.usage.outputTokens)
                usage.member("flops", cost.totals.usage.flops)
                usage.member("fullModelTokens", cost.totals.counterfactualUsage.inputTokens)
                usage.member("fullModelFlops", cost.totals.counterfactualUsage.flops)
            }
            body.name("cost")
            body.object { amounts in
                amounts.member("picoUSD", cost.totals.cost.amount)
                amounts.member("fullModelPicoUSD", cost.totals.counterfactualCost.amount)
                if !cost.isFinal { amounts.member("final", false) }
            }
        }
        return writer.bytes
    }

    /// The steps that the result shows. A machine request gets its steps as it named them. For a human request, the
    /// items of one route are merged into one step in the order of the text, and routing steps show only the items that
    /// fit no capability.
    static func presented(_ snapshot: RequestSnapshot) -> [Step] {
        guard snapshot.channel == .human else { return snapshot.steps }
        var merged: [Step] = []
        for step in snapshot.steps {
            var step = step
            if step.route.expandsPlan { step.keepUnrouted() }
            guard !step.items.isEmpty else { continue }
            if let index = merged.firstIndex(where: { $0.route == step.route && $0.state == step.state }) {
                merged[index].append(step)
            } else {
                merged.append(step)
            }
        }
        return merged
    }

    private static func write(_ step: Step, to writer: inout JSONWriter, withTexts: Bool) {
        writer.object { body in
            body.member("capability", step.route.capability.rawValue)
            body.member("task", step.route.task)
            body.member("status", step.state.rawValue)
            body.member("error", step.error)
            body.name("items")
            body.array(step.items.indices) { writer, index in
                let answer = step.answers.indices.contains(index) ? step.answers[index] : nil
                writer.object { item in
                    step.items[index].writeMembers(to: &item, withText: withTexts)
                    answer?.writeMembers(to: &item, isForClients: true)
                }
            }
        }
    }
}

extension Step {
    /// Removes routed items, which are part of the steps to which they were routed.
    fileprivate mutating func keepUnrouted() {
        guard state == .answered else { return }
        let kept = items.indices.filter { answers[$0]?.routes.isEmpty ?? true }
        items = kept.map { items[$0] }
        answers = kept.map { answers[$0] }
    }

    fileprivate mutating func append(_ other: Step) {
        let known = answers + Array(repeating: nil, count: items.count - answers.count)
        let added = other.answers + Array(repeating: nil, count: other.items.count - other.answers.count)
        let sources = (items + other.items).map(\.source)
        // The request's text comes first, followed by the attachments in the order of their first items.
        func place(_ item: Item) -> (Int, Int) {
            (item.source == nil ? -1 : sources.firstIndex(of: item.source) ?? 0, item.span?.start ?? 0)
        }
        let pairs = (Array(zip(items, known)) + Array(zip(other.items, added)))
            .sorted { place($0.0) < place($1.0) }
        items = pairs.map(\.0)
        answers = pairs.map(\.1)
    }
}
