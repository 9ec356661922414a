extension ModelCard {
    struct SplitterSettings: Sendable {
        let buckets: Int
        let window: Int
        /// Forms joined by one space.
        let candidates: [String]
        let temperature: Double
        let threshold: Double
    }
}

extension ModelCard.SplitterSettings {
    init(_ settings: ArtifactJSON) throws(ArtifactError) {
        buckets = try settings.integer("buckets", in: 1...(1 << 24))
        guard buckets & (buckets - 1) == 0 else { throw settings.fault("splitter.buckets is not a power of two") }
        window = try settings.integer("window", in: 1...16)
        candidates = try settings.member("candidates").texts()
        guard candidates.allSatisfy({ !$0.isEmpty && $0.split(separator: " ").count <= 4 }) else {
            throw settings.fault("splitter.candidates are not phrases of one to four words")
        }
        temperature = try settings.member("temperature").positive()
        threshold = try settings.member("threshold").number()
        guard 0 < threshold, threshold < 1 else { throw settings.fault("splitter.threshold is not a probability") }
    }
}
