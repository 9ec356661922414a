#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Cuts a compound sentence: a linear classifier over hashed windows of tokens, asked only at words like `and`.
/// - Source: infra/models/README.md, Splitter
public struct Splitter: Sendable {
    /// A sentence cut, and how sure the least sure decision was.
    public struct Cut: Sendable, Equatable {
        public var segments: [Range<String.Index>]
        /// 1 where there was nothing to decide.
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
            throw ArtifactError(.unsupported, "\(directory)/card.json", "an encoder is no splitter")
        }
        var tensors = try TensorReader(card, directory: directory, format: "winnow-splitter")
        self.settings = settings
        phrases = SplitterPhrases(settings.candidates)
        weights = try tensors.floats("splitter.weight", [settings.buckets])
        bias = try tensors.floats("splitter.bias", [1])[0]
        try tensors.finish()
    }

    /// Cuts a sentence into segments; ranges are of the given string.
    public func split(_ sentence: String) -> [Range<String.Index>] { cut(sentence).segments }

    /// The same, with the confidence.
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
