/// The hashed features of one candidate, in the order of the README's table.
struct SplitterFeatures {
    let tokens: [SplitterToken]
    let candidate: Range<Int>
    let window: Int
    /// How many the sentence has.
    let candidates: Int

    /// Calls `body` with the hash of every feature; one that occurs twice comes twice.
    func forEach(_ body: (UInt32) -> Void) {
        let phrase = tokens.joinedForms(candidate)
        func emit(_ feature: FeatureHash) { body(feature.value) }
        emit("c=" + phrase)
        for k in 1...window {
            emit("l" + k + "=" + left(k))
            emit("r" + k + "=" + right(k))
        }
        for k in 1..<window {
            emit("L" + k + "=" + left(k + 1) + " " + left(k))
            emit("R" + k + "=" + right(k) + " " + right(k + 1))
        }
        emit("cl=" + phrase + "|" + left(1))
        emit("cr=" + phrase + "|" + right(1))
        emit("x=" + left(1) + "|" + right(1))
        emit("cR=" + phrase + "|" + right(1) + " " + right(2))
        emit("cL=" + phrase + "|" + left(2) + " " + left(1))
        emit("f=" + tokens[0].form + "|" + right(1))
        for token in tokens[..<candidate.lowerBound] { emit("bl=" + token.form) }
        for token in tokens[candidate.upperBound...] { emit("br=" + token.form) }
        emit("nl=" + min(candidate.lowerBound, 8))
        emit("nr=" + min(tokens.count - candidate.upperBound, 8))
        emit("nc=" + min(candidates, 8))
    }

    private func left(_ k: Int) -> [UInt8] {
        candidate.lowerBound < k ? Self.start : tokens[candidate.lowerBound - k].form
    }

    private func right(_ k: Int) -> [UInt8] {
        let index = candidate.upperBound + k - 1
        return index < tokens.count ? tokens[index].form : Self.end
    }

    private static let start = Array("<s>".utf8)
    private static let end = Array("</s>".utf8)
}
