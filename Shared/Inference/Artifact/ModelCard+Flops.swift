import Contracts

extension ModelCard {
    /// Matrix products of one text of `tokens`, attention and head included, 2 a multiply-add; more than the head's
    /// `maxTokens` cost no more, for they are cut. 0 for a route that the model does not answer.
    /// - Parameter exit: where the text left, by its number; the head behind all of them where it did not.
    public func flops(tokens: Int, route: Route, exit: Int? = nil) -> Int64 {
        guard let encoder, let head = head(route) else { return 0 }
        let count = min(tokens, head.maxTokens)
        let projections = 4 * encoder.hiddenSize * encoder.attentionSize
        let feedForward = 2 * encoder.hiddenSize * encoder.feedForwardSize
        let attention = 2 * count * encoder.attentionSize
        let layers = exit.map { head.exits[$0].layers } ?? head.layers, read = (exit ?? head.exits.count) + 1
        let perToken = layers * (projections + feedForward + attention)
        return Int64(2 * (count * perToken + read * encoder.hiddenSize * head.labels.count))
    }
}
