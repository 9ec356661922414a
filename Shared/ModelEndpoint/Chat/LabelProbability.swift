/// How probable the written label is among all labels, from the probabilities of the tokens.
///
/// Servers report the probabilities before a grammar or a schema restricts them, so other tokens take a part of the
/// whole. Only tokens that can begin or continue a label count, and their sum is the whole.
enum LabelProbability {
    /// - Parameters:
    ///   - label: the index of the written label in `labels`.
    ///   - start: where it begins in the text of `tokens`, in bytes.
    ///   - labels: each label as it is written, with what ends it, such as a quotation mark. Without an end, no label
    ///     may begin with another one.
    /// - Returns: `nil` if the tokens do not tell. Never more than the true share: what is not known counts against the
    ///   label.
    static func confidence(
        of label: Int, at start: Int, among labels: [[UInt8]], tokens: [TokenProbability]
    ) -> Double? {
        var position = 0
        guard
            let first = tokens.firstIndex(where: { token in
                defer { position += token.bytes.count }
                return position + token.bytes.count > start
            })
        else { return nil }
        let offset = tokens[..<first].reduce(0) { $0 + $1.bytes.count }
        // The first token may begin before the label, for example with the quotation mark.
        let lead = Array(tokens[first].bytes.prefix(start - offset))
        let texts = labels.map { lead + $0 }
        return share(of: label, among: Array(texts.indices), texts: texts, from: 0, tokens: tokens[first...])
    }

    /// The share of `label` among those labels of `open` that agree with what was written so far.
    private static func share(
        of label: Int, among open: [Int], texts: [[UInt8]], from position: Int, tokens: ArraySlice<TokenProbability>
    ) -> Double? {
        guard open.count > 1 else { return 1 }
        guard let token = tokens.first else { return nil }
        func allowed(_ bytes: [UInt8]) -> [Int] {
            bytes.isEmpty ? [] : open.filter { agrees(bytes, texts[$0].dropFirst(position)) }
        }
        let left = allowed(token.bytes)
        guard left.contains(label),
            let rest = share(
                of: label, among: left, texts: texts, from: position + token.bytes.count, tokens: tokens.dropFirst())
        else { return nil }

        var own = token.probability * rest, all = token.probability
        var seen: Set = [token.bytes], represented = Set(left)
        var total = token.probability
        for other in token.alternatives where seen.insert(other.bytes).inserted {
            total += other.probability
            let labels = allowed(other.bytes)
            guard !labels.isEmpty else { continue }
            all += other.probability
            represented.formUnion(labels)
            if labels == [label] {
                own += other.probability
            } else if labels.contains(label), Set(labels).isSubset(of: left) {
                // Another way to write the same beginning.
                own += other.probability * rest
            }
        }
        // A label that no listed token begins is at most as probable as the least probable token of the list. A grammar
        // may force a token that the list lacks, so the written one is no bound.
        let smallest = token.alternatives.map(\.probability).min() ?? 1
        let missing = Double(open.count - represented.count)
        all += min(max(0, 1 - total), missing * smallest)
        return all > 0 ? min(1, own / all) : nil
    }

    /// Whether the token is a beginning of the text, or the text a beginning of the token.
    private static func agrees(_ token: [UInt8], _ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty && zip(token, text).allSatisfy { $0 == $1 }
    }
}
