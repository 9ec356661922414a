import Contracts

/// What the full model alone would have been paid for, had it been asked in place of a call: the items that were answered.
///
/// A failed step, a refusal and a degraded answer save nothing, for nobody would have paid for them. A call says how many
/// tokens it read and not how they spread over its items, so parts are taken by bytes of text.
public struct Credit: Sendable, Equatable {
    /// Of all items. - Units: bytes.
    private let all: Int
    /// Of the items that were answered.
    private let answered: Int
    /// Of those, the ones that no earlier step of the request holds: asked once for all, the full model reads a text once.
    private let once: Int
    private let onceTexts: Int

    public static let none = Credit(all: 0, answered: 0, once: 0, onceTexts: 0)

    private init(all: Int, answered: Int, once: Int, onceTexts: Int) {
        self.all = all
        self.answered = answered
        self.once = once
        self.onceTexts = onceTexts
    }

    /// - Parameter request: whose step it is.
    public init(of step: Step, in request: RequestSnapshot) {
        guard step.state == .answered else {
            self = .none
            return
        }
        // An item that was routed stands in the routing, too, which gives no answer to it.
        let earlier = request.steps.lazy.filter { $0.ordinal < step.ordinal && $0.route != .decomposition }
        let read = earlier.reduce(into: Set<Place>()) { $0.formUnion($1.items.lazy.map(Place.init)) }
        var (all, answered, once, onceTexts) = (0, 0, 0, 0)
        for (index, item) in step.items.enumerated() {
            // An empty text is read, too.
            let size = item.text.utf8.count + 1
            all += size
            guard step.answers.indices.contains(index), let answer = step.answers[index], !answer.isDegraded else {
                continue
            }
            answered += size
            guard !read.contains(Place(item)) else { continue }
            once += size
            onceTexts += 1
        }
        self.init(all: all, answered: answered, once: once, onceTexts: onceTexts)
    }

    /// What makes two items the same piece of text.
    private struct Place: Hashable {
        let text: ExactText
        let span: Item.Span?
        let source: ExactText?

        init(_ item: Item) {
            text = ExactText(item.text)
            span = item.span
            source = item.source.map { ExactText($0) }
        }
    }

    /// What the answered items would have taken, asked one by one.
    func byItem(_ whole: TokenUsage) -> TokenUsage { whole.share(answered, of: all) }

    /// What they add to one question for the whole request.
    func asOne(_ whole: TokenUsage) -> TokenUsage { whole.share(once, of: all).joined(texts: onceTexts) }
}
