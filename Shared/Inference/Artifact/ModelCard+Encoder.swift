extension ModelCard {
    /// An encoder's dimensions. `headCount * headSize` may be less than `hiddenSize` after a cut.
    public struct Encoder: Sendable, Equatable {
        public let layers: Int
        public let hiddenSize: Int
        public let headCount: Int
        public let headSize: Int
        public let feedForwardSize: Int
        public let vocabularySize: Int
        public let positions: Int
        public let layerNormEpsilon: Double

        public var attentionSize: Int { headCount * headSize }
    }
}

extension ModelCard.Encoder {
    init(_ encoder: ArtifactJSON) throws(ArtifactError) {
        layers = try encoder.integer("layers", in: 0...48)
        hiddenSize = try encoder.integer("hiddenSize", in: 1...4096)
        headCount = try encoder.integer("headCount", in: 1...64)
        headSize = try encoder.integer("headSize", in: 1...256)
        feedForwardSize = try encoder.integer("feedForwardSize", in: 1...16384)
        vocabularySize = try encoder.integer("vocabularySize", in: 4...1_000_000)
        positions = try encoder.integer("positions", in: 2...4096)
        layerNormEpsilon = try encoder.member("layerNormEpsilon").positive()
        // sixteen floats are one step of every kernel; cutters keep units by the sixteen or the head
        for (width, name) in [(hiddenSize, "hiddenSize"), (headSize, "headSize"), (feedForwardSize, "feedForwardSize")]
        {
            guard width % 16 == 0 else {
                throw ArtifactError(.unsupported, encoder.file, "encoder.\(name) is \(width), not a multiple of 16")
            }
        }
    }
}
