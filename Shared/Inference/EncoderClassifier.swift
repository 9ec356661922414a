import Contracts
import Synchronization

/// An encoder in the process. Calls of several threads wait for each other: one instance computes on one thread.
///
/// The computation blocks the calling thread for milliseconds, so a service calls it from an executor of its own.
public final class EncoderClassifier: Classifier {
    public let card: ModelCard
    public let tokenizer: WordPieceTokenizer
    private let weights: EncoderWeights
    private let engine: Mutex<Engine>

    /// Buffers that a call fills; kept so that the next one need not ask for memory.
    private struct Engine: ~Copyable {
        let encoder: Encoder
        var ids: [Int32] = []
        var lengths: [Int] = []

        mutating func tokenize(_ texts: [String], maxTokens: Int, with tokenizer: WordPieceTokenizer) {
            ids.removeAll(keepingCapacity: true)
            lengths.removeAll(keepingCapacity: true)
            for text in texts {
                let start = ids.count
                tokenizer.encode(text, maxTokens: maxTokens, into: &ids)
                lengths.append(ids.count - start)
            }
        }
    }

    /// Loads and checks the artifact in a folder such as `infra/models/full`.
    /// - Throws: never retriable; the artifact must change.
    public convenience init(directory: String) throws(ArtifactError) {
        try self.init(directory: directory, kernels: 0, exactLibrary: OneDNN.isExact)
    }

    /// The same, refused unless its heads answer every one of `routes`.
    public convenience init(directory: String, answering routes: [Route]) throws(ArtifactError) {
        try self.init(directory: directory)
        let missing = routes.filter { card.head($0) == nil }
        guard missing.isEmpty else {
            throw ArtifactError(
                .unsupported, "\(directory)/card.json",
                "\(identity) has no head for \(missing.map(\.description).joined(separator: ", "))")
        }
    }

    init(directory: String, kernels: Int32, exactLibrary: Bool) throws(ArtifactError) {
        card = try ModelCard.load(directory: directory)
        guard let shape = card.encoder else {
            throw ArtifactError(.unsupported, "\(directory)/card.json", "a splitter is no classifier")
        }
        var tensors = try TensorReader(card, directory: directory, format: "winnow-encoder")
        let vocabulary = try Vocabulary(
            tensors.bytes("tokenizer.vocabulary"), size: shape.vocabularySize, file: tensors.path)
        tokenizer = WordPieceTokenizer(vocabulary)
        weights = try EncoderWeights(&tensors, card, shape, kernels: kernels, exactLibrary: exactLibrary)
        try tensors.finish()
        do throws(InferenceError) {
            engine = Mutex(Engine(encoder: try Encoder(weights)))
        } catch {
            throw ArtifactError(.unsupported, tensors.path, error.message)
        }
    }

    /// The same model for another thread: it shares the weights and waits for nobody's calls.
    /// - Throws: `InferenceError`, never retriable.
    public init(sharing other: EncoderClassifier) throws(InferenceError) {
        (card, tokenizer, weights) = (other.card, other.tokenizer, other.weights)
        engine = Mutex(Engine(encoder: try Encoder(weights)))
    }

    public var identity: ModelIdentity { card.identity }

    public var routes: [Route] { card.heads.map(\.route) }

    public func classify(_ texts: [String], as route: Route) async throws -> [Prediction] {
        try predict(texts, as: route)
    }

    /// What `classify` does, for a caller that is on a thread of its own already.
    /// - Parameter leavesEarly: false runs all of the head's layers for every text, whatever its exits say.
    public func predict(
        _ texts: [String], as route: Route, leavesEarly: Bool = true
    ) throws(InferenceError) -> [Prediction] {
        let (reading, lengths) = try read(texts, as: route, leavesEarly: leavesEarly)
        guard let head = card.head(route) else { throw .unknownRoute(route, model: identity) }
        return lengths.enumerated().map { index, tokens in
            let (label, confidence, rivals) = reading.decisions[index], rung = reading.rungs[index]
            return Prediction(
                label: label, confidence: confidence, isSure: head.isSure(confidence), rivals: rivals,
                inputTokens: tokens,
                flops: card.flops(tokens: tokens, route: route, exit: rung < head.exits.count ? rung : nil))
        }
    }

    /// What the heads read of each text, scaled to length 1: texts that mean alike are near.
    public func embeddings(_ texts: [String], maxTokens: Int = 128) throws(InferenceError) -> [[Float]] {
        try engine.withLock { engine throws(InferenceError) in
            engine.tokenize(texts, maxTokens: maxTokens, with: tokenizer)
            let states = try engine.encoder.states(engine.ids, lengths: engine.lengths)
            let width = engine.encoder.shape.hiddenSize
            return texts.indices.map { index in
                let state = states[(index * width)..<((index + 1) * width)]
                let length = state.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return state.map { length > 0 ? $0 / length : 0 }
            }
        }
    }

    /// What the route's ladder says of each text, and each text's tokens.
    func read(
        _ texts: [String], as route: Route, leavesEarly: Bool = true
    ) throws(InferenceError) -> (reading: Encoder.Reading, lengths: [Int]) {
        guard let index = card.heads.firstIndex(where: { $0.route == route }) else {
            throw .unknownRoute(route, model: identity)
        }
        let limit = card.heads[index].maxTokens
        return try engine.withLock { engine throws(InferenceError) in
            engine.tokenize(texts, maxTokens: limit, with: tokenizer)
            let reading = try engine.encoder.read(
                engine.ids, lengths: engine.lengths, head: index, leavesEarly: leavesEarly)
            return (reading, engine.lengths)
        }
    }
}
