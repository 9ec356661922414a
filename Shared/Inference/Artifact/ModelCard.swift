import Contracts
import JSON

/// Describes a model, its origin and its measurements: the `card.json` of an artifact.
/// - Source: infra/models/README.md
public struct ModelCard: Sendable {
    public enum Role: String, Sendable { case full, small, router }

    /// The file that holds the tensors.
    public struct Weights: Sendable, Equatable {
        public let file: String
        /// Lower-case hexadecimal.
        public let sha256: String
        public let bytes: Int
    }

    /// The only schema version that this runtime reads.
    public static let schemaVersion = 1

    public let name: String
    public let version: String
    public let role: Role
    /// `nil` for a model that serves several capabilities.
    public let capability: Capability?
    public let weights: Weights
    public let encoder: Encoder
    public internal(set) var heads: [Head]
    /// How the model divides the sources of a request into windows; `nil` for a model that reads only texts.
    public let reading: Reading?
    /// Average operations per token of the model's validation items, including the effect of exits.
    public let flopsPerToken: Double
    /// The model that a small model was cut from and must agree with.
    public let teacher: ModelIdentity?
    /// SHA-256 of the files that the model was trained and calibrated on.
    public let dataHashes: [String]

    public var identity: ModelIdentity { ModelIdentity(name: name, version: version) }

    public func head(_ route: Route) -> Head? { heads.first { $0.route == route } }

    /// Reads and checks only `card.json`. This is cheap, and enough to price a model that is not run.
    public static func load(directory: String) throws(ArtifactError) -> ModelCard {
        let file = try MappedFile("\(directory)/card.json")
        return try ArtifactJSON.read(file.bytes, file: file.path, code: .card) { root throws(ArtifactError) in
            try ModelCard(root)
        }
    }

    private init(_ card: ArtifactJSON) throws(ArtifactError) {
        let schema = try card.member("schemaVersion").integer()
        guard schema == Self.schemaVersion else {
            throw ArtifactError(
                .schemaVersion, card.file, "schemaVersion is \(schema), this runtime reads \(Self.schemaVersion)")
        }
        name = try card.member("name").text()
        version = try card.member("version").text()
        let roleName = try card.member("role").text()
        guard let role = Role(rawValue: roleName) else { throw card.fault("role is not one of the three known roles") }
        self.role = role
        capability = try card.optional("capability").map { member throws(ArtifactError) in
            Capability(rawValue: try member.text())
        }
        weights = try Weights(card.member("weights"))
        teacher = try card.optional("teacher").map { member throws(ArtifactError) in
            ModelIdentity(name: try member.member("name").text(), version: try member.member("version").text())
        }
        dataHashes =
            try card.optional("data")?.elements().map { file throws(ArtifactError) in
                try file.member("sha256").text()
            } ?? []
        let encoder = try Encoder(card.member("encoder"))
        try Self.checkTokenizer(card.member("tokenizer"))
        let heads = try card.member("heads").elements().map { head throws(ArtifactError) in
            try Head(head, encoder)
        }
        guard !heads.isEmpty else { throw card.fault("heads is empty") }
        guard Set(heads.map(\.route)).count == heads.count else { throw card.fault("two heads answer the same route") }
        reading = try card.optional("reading").map { reading throws(ArtifactError) in
            try Reading(reading, encoder, heads)
        }
        (self.encoder, self.heads) = (encoder, heads)
        flopsPerToken = try card.member("flops").member("perToken").positive()
    }

    /// The runtime has one tokenizer, so it refuses a card that needs another.
    private static func checkTokenizer(_ tokenizer: ArtifactJSON) throws(ArtifactError) {
        let isKnown =
            tokenizer.value["kind"]?.string == "wordpiece" && tokenizer.value["lowercase"]?.bool == true
            && tokenizer.value["stripAccents"]?.bool == true
            && tokenizer.value["handleChineseCharacters"]?.bool == true
            && tokenizer.value["maxInputCharactersPerWord"]?.integer == WordPieceTokenizer.longestWord
        guard isKnown else {
            throw ArtifactError(.unsupported, tokenizer.file, "the tokenizer is not BERT's uncased WordPiece")
        }
    }
}

extension ModelCard.Weights {
    init(_ weights: ArtifactJSON) throws(ArtifactError) {
        file = try weights.member("file").text()
        sha256 = try weights.member("sha256").text()
        bytes = try weights.member("bytes").integer()
        guard !file.isEmpty, !file.contains("/"), file != "..", file != "." else {
            throw weights.fault("weights.file is not the name of a file beside the card")
        }
    }
}

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
        // One kernel step takes sixteen floats. The cutting tools keep units in groups of sixteen and heads as a whole.
        for (width, name) in [(hiddenSize, "hiddenSize"), (headSize, "headSize"), (feedForwardSize, "feedForwardSize")]
        {
            guard width % 16 == 0 else {
                throw ArtifactError(.unsupported, encoder.file, "encoder.\(name) is \(width), not a multiple of 16")
            }
        }
    }
}

extension ModelCard {
    /// Returns the operations of the matrix products for one text, including attention and head. A multiply-add counts
    /// as 2. Returns 0 for a route that the model does not answer.
    /// - Parameters:
    ///   - tokens: the tokens of all windows. A window holds no more than the head's `maxTokens`.
    ///   - exit: the number of the exit where the text left; `nil` if it reached the head.
    ///   - windows: the number of windows of equal size in which the text is read.
    public func flops(tokens: Int, route: Route, exit: Int? = nil, windows: Int = 1) -> Int64 {
        guard let head = head(route) else { return 0 }
        let count = min(tokens / max(windows, 1), head.maxTokens)
        let layers = exit.map { head.exits[$0].layers } ?? head.layers, read = (exit ?? head.exits.count) + 1
        let products = encoder.products(tokens: count, layers: layers)
        return Int64(
            2 * windows * (products + read * encoder.hiddenSize * (head.labels.count + (head.hasGuard ? 1 : 0))))
    }
}

extension ModelCard.Encoder {
    /// Returns the multiply-adds of the matrix products of some layers for one window.
    func products(tokens: Int, layers: Int) -> Int {
        let projections = 4 * hiddenSize * attentionSize, feedForward = 2 * hiddenSize * feedForwardSize
        return tokens * layers * (projections + feedForward + 2 * tokens * attentionSize)
    }
}
