import Contracts

extension ModelCard {
    /// Matrix products of one text, attention and head included, 2 a multiply-add. 0 for a route that the model does not
    /// answer.
    /// - Parameters:
    ///   - tokens: of all windows. A window holds no more than the head's `maxTokens`.
    ///   - exit: where the text left, by its number; `nil` where it went through to the head.
    ///   - windows: of one size, in which the text is read.
    public func flops(tokens: Int, route: Route, exit: Int? = nil, windows: Int = 1) -> Int64 {
        guard let encoder, let head = head(route) else { return 0 }
        let count = min(tokens / max(windows, 1), head.maxTokens)
        let projections = 4 * encoder.hiddenSize * encoder.attentionSize
        let feedForward = 2 * encoder.hiddenSize * encoder.feedForwardSize
        let attention = 2 * count * encoder.attentionSize
        let layers = exit.map { head.exits[$0].layers } ?? head.layers, read = (exit ?? head.exits.count) + 1
        let perToken = layers * (projections + feedForward + attention)
        return Int64(2 * windows * (count * perToken + read * encoder.hiddenSize * head.labels.count))
    }
}
