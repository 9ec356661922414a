#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Splits a compound sentence with a linear classifier over hashed windows of tokens. It decides only at words like
/// `and`.
/// - Source: infra/models/README.md, Splitter
public struct Splitter: Sendable {
    /// A sentence's parts, and the confidence of the least sure decision.
    public struct Cut: Sendable, Equatable {
        public var segments: [Range<String.Index>]
        /// 1 if there was nothing to decide.
        public var confidence: Double
    }

    public let card: ModelCard
    private let settings: ModelCard.SplitterSettings
    private let phrases: SplitterPhrases
    private let weights: [Float]
    private let bias: Float

    public init(directory: String) throws(ArtifactError) {
        card = try ModelCard.load(directory: directory)
        guard let settings = card.splitter else {
            throw ArtifactError(.unsupported, "\(directory)/card.json", "an encoder is not a splitter")
        }
        var tensors = try TensorReader(card, directory: directory, format: "winnow-splitter")
        self.settings = settings
        phrases = SplitterPhrases(settings.candidates)
        weights = try tensors.floats("splitter.weight", [settings.buckets])
        bias = try tensors.floats("splitter.bias", [1])[0]
        try tensors.finish()
    }

    /// Splits a sentence into parts, as ranges of the given string.
    public func split(_ sentence: String) -> [Range<String.Index>] { cut(sentence).segments }

    /// Splits a sentence, and also returns the confidence.
    public func cut(_ sentence: String) -> Cut {
        let tokens = SplitterToken.all(in: Array(sentence.utf8)), candidates = phrases.candidates(in: tokens)
        var cut = Cut(segments: [], confidence: 1)
        var start = 0
        func close(_ end: Int) {
            guard start < end else { return }
            let bytes = tokens[start].bytes.lowerBound..<tokens[end - 1].bytes.upperBound, utf8 = sentence.utf8
            let first = utf8.index(utf8.startIndex, offsetBy: bytes.lowerBound)
            cut.segments.append(first..<utf8.index(first, offsetBy: bytes.count))
        }
        let shift = log(settings.threshold / (1 - settings.threshold))
        for (place, candidate) in candidates.enumerated() {
            let features = SplitterFeatures(
                tokens: tokens, candidates: candidates, place: place, window: settings.window)
            var sum = Double(bias)
            features.forEach { sum += Double(weights[Int($0) & (settings.buckets - 1)]) }
            let score = sum / settings.temperature
            cut.confidence = min(cut.confidence, sigmoid(abs(score - shift)))
            if sigmoid(score) >= settings.threshold {
                close(candidate.lowerBound)
                start = candidate.upperBound
            }
        }
        close(tokens.count)
        return cut
    }
}

/// The hashed features of one candidate.
/// - Source: infra/models/README.md, Splitter, Features: the same names in the same order
struct SplitterFeatures {
    let tokens: [SplitterToken]
    /// All candidates of the sentence, from left to right.
    let candidates: [Range<Int>]
    /// The index of the candidate to classify.
    let place: Int
    let window: Int

    /// Calls `body` with the hash of every feature. A feature that occurs twice is passed twice.
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

/// The phrases at which a sentence may be cut.
struct SplitterPhrases: Sendable {
    private let phrases: Set<[UInt8]>
    /// The first words of the phrases, so that most tokens need only one lookup.
    private let beginnings: Set<[UInt8]>
    private static let longest = 4

    init(_ phrases: [String]) {
        self.phrases = Set(phrases.map { Array($0.utf8) })
        beginnings = Set(self.phrases.map { Array($0.prefix { $0 != UInt8(ascii: " ") }) })
    }

    /// Returns the longest phrase at each token, from left to right. Phrases at the start or the end of the sentence
    /// are omitted.
    func candidates(in tokens: [SplitterToken]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = 0
        while index < tokens.count {
            guard let candidate = longestPhrase(tokens, at: index) else {
                index += 1
                continue
            }
            if candidate.lowerBound > 0, candidate.upperBound < tokens.count { found.append(candidate) }
            index = candidate.upperBound
        }
        return found
    }

    private func longestPhrase(_ tokens: [SplitterToken], at index: Int) -> Range<Int>? {
        guard beginnings.contains(tokens[index].form) else { return nil }
        for count in stride(from: min(Self.longest, tokens.count - index), to: 0, by: -1) {
            let candidate = index..<(index + count)
            if phrases.contains(tokens.joinedForms(candidate)) { return candidate }
        }
        return nil
    }
}

extension [SplitterToken] {
    func joinedForms(_ range: Range<Int>) -> [UInt8] {
        var joined: [UInt8] = []
        for index in range {
            if index > range.lowerBound { joined.append(UInt8(ascii: " ")) }
            joined += self[index].form
        }
        return joined
    }
}

/// A word of a sentence, or a comma or semicolon, which are separate tokens.
struct SplitterToken {
    /// The token's range in the sentence.
    let bytes: Range<Int>
    /// The token in lower case, with digits as `0`, without a trailing `.`, `?` or `!`.
    let form: [UInt8]
    /// The kind of the first raw byte: `A`, `a`, `0`, or `-` for any other.
    let shape: UInt8

    static func all(in sentence: [UInt8]) -> [SplitterToken] {
        var tokens: [SplitterToken] = []
        var start: Int?
        func close(_ end: Int) {
            guard let first = start else { return }
            tokens.append(
                SplitterToken(bytes: first..<end, form: form(sentence[first..<end]), shape: shape(sentence[first])))
            start = nil
        }
        for (index, byte) in sentence.enumerated() {
            switch byte {
            case 0x09...0x0D, 0x20: close(index)
            case UInt8(ascii: ","), UInt8(ascii: ";"):
                close(index)
                start = index
                close(index + 1)
            default: start = start ?? index
            }
        }
        close(sentence.count)
        return tokens
    }

    private static func shape(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt8(ascii: "a")
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(ascii: "0")
        default: UInt8(ascii: "-")
        }
    }

    private static func form(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var form = bytes.map { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(ascii: "0")
            default: byte
            }
        }
        while form.count > 1, let last = form.last, ".?!".utf8.contains(last) { form.removeLast() }
        return form
    }
}

/// The 32-bit FNV-1a hash of a feature's bytes, which are never concatenated.
struct FeatureHash: ExpressibleByStringLiteral {
    private(set) var value: UInt32 = 2_166_136_261

    init(stringLiteral text: StaticString) {
        text.withUTF8Buffer { for byte in $0 { add(byte) } }
    }

    static func + (hash: FeatureHash, text: StaticString) -> FeatureHash {
        var hash = hash
        text.withUTF8Buffer { for byte in $0 { hash.add(byte) } }
        return hash
    }

    static func + (hash: FeatureHash, bytes: [UInt8]) -> FeatureHash {
        var hash = hash
        for byte in bytes { hash.add(byte) }
        return hash
    }

    /// - Shape: a number of at most two decimal digits.
    static func + (hash: FeatureHash, number: Int) -> FeatureHash {
        var hash = hash
        if number > 9 { hash.add(UInt8(ascii: "0") + UInt8(number / 10)) }
        hash.add(UInt8(ascii: "0") + UInt8(number % 10))
        return hash
    }

    private mutating func add(_ byte: UInt8) { value = (value ^ UInt32(byte)) &* 16_777_619 }
}
