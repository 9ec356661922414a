/// The hashed features of one candidate.
/// - Source: infra/models/README.md, Splitter, Features: the same names in the same order
struct SplitterFeatures {
    let tokens: [SplitterToken]
    /// All of the sentence, from left to right.
    let candidates: [Range<Int>]
    /// Which of them is asked about.
    let place: Int
    let window: Int

    /// Calls `body` with the hash of every feature; one that occurs twice comes twice.
    func forEach(_ body: (UInt32) -> Void) {
        func emit(_ feature: FeatureHash) { body(feature.value) }
        let candidate = candidates[place], (i, j, n) = (candidate.lowerBound, candidate.upperBound, tokens.count)
        let c = tokens.joinedForms(candidate), l1 = left(1), r1 = right(1), r2 = right(2),
            o = tokens[before?.upperBound ?? 0].form
        let cb = before.map(tokens.joinedForms) ?? Self.start, cz = behind.map(tokens.joinedForms) ?? Self.end
        let near = min(i - (before?.upperBound ?? 0), 8), far = min((behind?.lowerBound ?? n) - j, 8)
        let s = [tokens[i - 1].shape, tokens[j].shape]
        emit("c=" + c)
        for k in 1...window {
            emit("l" + k + "=" + left(k))
            emit("r" + k + "=" + right(k))
        }
        for k in 1..<window {
            emit("L" + k + "=" + left(k + 1) + " " + left(k))
            emit("R" + k + "=" + right(k) + " " + right(k + 1))
        }
        for feature: FeatureHash in [
            "cl=" + c + "|" + l1, "cr=" + c + "|" + r1, "x=" + l1 + "|" + r1,
            "cR=" + c + "|" + r1 + " " + r2, "cL=" + c + "|" + left(2) + " " + l1,
            "f=" + tokens[0].form + "|" + r1, "rr=" + r1 + " " + r2 + " " + right(3),
            "o=" + o + "|" + r1, "ro=" + r1 + " " + r2 + "|" + o,
            "pc=" + cb + "|" + c, "nx=" + c + "|" + cz, "xn=" + c + "|" + r1 + "|" + cz,
            "xp=" + c + "|" + r1 + "|" + cb,
            "gl=" + near, "gr=" + far, "g=" + near + "|" + far, "xg=" + near + "|" + r1, "xh=" + far + "|" + r1,
            "s=" + c + "|" + s, "sr=" + s + "|" + r1, "sl=" + s + "|" + l1,
        ] {
            emit(feature)
        }
        for token in tokens[..<i] { emit("bl=" + token.form) }
        for token in tokens[j...] { emit("br=" + token.form) }
        emit("nl=" + min(i, 8))
        emit("nr=" + min(n - j, 8))
        emit("nc=" + min(candidates.count, 8))
    }

    private var before: Range<Int>? { place > 0 ? candidates[place - 1] : nil }

    private var behind: Range<Int>? { place + 1 < candidates.count ? candidates[place + 1] : nil }

    private func left(_ k: Int) -> [UInt8] {
        let index = candidates[place].lowerBound - k
        return index >= 0 ? tokens[index].form : Self.start
    }

    private func right(_ k: Int) -> [UInt8] {
        let index = candidates[place].upperBound + k - 1
        return index < tokens.count ? tokens[index].form : Self.end
    }

    private static let start = Array("<s>".utf8)
    private static let end = Array("</s>".utf8)
}
