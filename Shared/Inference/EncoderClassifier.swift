import CKernels
import Contracts
import Synchronization

/// An encoder in the process. An instance computes on one thread, so concurrent calls wait for each other.
///
/// The computation blocks the calling thread for milliseconds, so a service calls it from an executor of its own.
public final class EncoderClassifier: Classifier {
    public let card: ModelCard
    public let tokenizer: WordPieceTokenizer
    /// `nil` for a model that reads only texts.
    private let sourceTokenizer: SourceTokenizer?
    private let weights: EncoderWeights
    /// The model's name, and its version on each route.
    private let identities: [Route: ModelIdentity]
    private let engine: Mutex<Engine>

    /// Buffers of a call, kept so that the next call does not allocate.
    private struct Engine: ~Copyable {
        let encoder: Encoder
        var ids: [Int32] = []
        /// One length for each window.
        var lengths: [Int] = []
        /// Long texts in the order of the texts.
        var long: [LongText] = []

        mutating func tokenize(_ texts: [String], in windows: Windows, with tokenizer: WordPieceTokenizer) {
            ids.removeAll(keepingCapacity: true)
            lengths.removeAll(keepingCapacity: true)
            long.removeAll(keepingCapacity: true)
            for (index, text) in texts.enumerated() {
                let first = lengths.count
                let isTruncated = tokenizer.encode(text, in: windows, into: &ids, &lengths)
                guard isTruncated || lengths.count > first + 1 else { continue }
                long.append(LongText(index: index, windows: lengths.count - first, isTruncated: isTruncated))
            }
        }
    }

    /// A text that needs several windows, or more windows than the maximum.
    struct LongText {
        /// The text's index.
        let index: Int
        let windows: Int
        let isTruncated: Bool
    }

    /// The results of the route's exits for each window. A text that is not long has one window.
    struct Reading {
        let encoder: Encoder.Reading
        /// The tokens of each window.
        let lengths: [Int]
        let long: [LongText]
    }

    /// Loads and checks the artifact in a folder such as `infra/models/full`.
    /// - Parameter catalog: says how each task combines the windows of a long text.
    /// - Throws: errors that are never retriable, because the artifact must change.
    public convenience init(directory: String, catalog: Catalog) throws(ArtifactError) {
        try self.init(directory: directory, catalog: catalog, kernels: 0, exactLibrary: OneDNN.isExact)
    }

    /// Loads the artifact, and refuses it unless its heads answer every one of `routes`.
    public convenience init(
        directory: String, catalog: Catalog, answering routes: [Route]
    ) throws(ArtifactError) {
        try self.init(directory: directory, catalog: catalog)
        let missing = routes.filter { card.head($0) == nil }
        guard missing.isEmpty else {
            throw ArtifactError(
                .unsupported, "\(directory)/card.json",
                "\(identity) has no head for \(missing.map(\.description).joined(separator: ", "))")
        }
    }

    init(
        directory: String, catalog: Catalog, kernels: Int32, exactLibrary: Bool
    ) throws(ArtifactError) {
        card = try ModelCard.load(directory: directory).ruled(by: catalog)
        let shape = card.encoder
        var tensors = try TensorReader(card, directory: directory, format: "winnow-encoder")
        let vocabulary = try Vocabulary(
            tensors.bytes("tokenizer.vocabulary"), size: shape.vocabularySize, file: tensors.path)
        let tokenizer = WordPieceTokenizer(vocabulary)
        self.tokenizer = tokenizer
        sourceTokenizer = try card.reading.map { reading throws(ArtifactError) in
            try SourceTokenizer(tokenizer, reading, file: tensors.path)
        }
        weights = try EncoderWeights(&tensors, card, shape, kernels: kernels, exactLibrary: exactLibrary)
        try tensors.finish()
        let fingerprints = Fingerprints(tensors, card, shape)
        identities = card.heads.reduce(into: [:]) { [card] in $0[$1.route] = card.identity(of: $1, fingerprints) }
        do throws(InferenceError) {
            engine = Mutex(Engine(encoder: try Encoder(weights)))
        } catch {
            throw ArtifactError(.unsupported, tensors.path, error.message)
        }
    }

    /// Creates another instance of the model that shares the weights, so that two threads compute without waiting.
    /// - Throws: `InferenceError`, never retriable.
    public init(sharing other: EncoderClassifier) throws(InferenceError) {
        (card, tokenizer, sourceTokenizer) = (other.card, other.tokenizer, other.sourceTokenizer)
        (weights, identities) = (other.weights, other.identities)
        engine = Mutex(Engine(encoder: try Encoder(weights)))
    }

    /// What the card calls the whole artifact. Answers and certificates name `identity(of:)`.
    public var identity: ModelIdentity { card.identity }

    /// The model's name, and a hash of what its answers on the route depend on.
    public func identity(of route: Route) -> ModelIdentity { identities[route] ?? identity }

    var kernels: winnow_kernels { weights.kernels }

    public var routes: [Route] { card.heads.map(\.route) }

    public func classify(_ texts: [String], as route: Route) async throws -> [Prediction] {
        try predict(texts, as: route)
    }

    public func classify(
        _ texts: [String], in contexts: [ItemContext?], as route: Route
    ) async throws -> [Prediction] {
        guard readsRequests(as: route) else { return try predict(texts, as: route) }
        return try predict(zip(texts, contexts).map { PlacedText($0, in: $1) }, mostWindows: Windows.mostPerText)
    }

    /// Whether the head of the route reads the state of an item in its request.
    private func readsRequests(as route: Route) -> Bool { route == .decomposition && sourceTokenizer != nil }

    /// Does the work of `classify` on the calling thread.
    /// - Parameters:
    ///   - leavesEarly: if false, all layers of the head run for every text.
    ///   - mostWindows: the maximum number of windows of a text; `nil` for the maximum of the task's rule.
    public func predict(
        _ texts: [String], as route: Route, leavesEarly: Bool = true, mostWindows: Int? = nil
    ) throws(InferenceError) -> [Prediction] {
        guard let head = card.head(route) else { throw .unknownRoute(route, model: identity) }
        if readsRequests(as: route) {
            return try predict(
                texts.map { PlacedText($0, in: nil) }, mostWindows: mostWindows ?? Windows.mostPerText)
        }
        let reading = try read(
            texts, as: route, leavesEarly: leavesEarly, mostWindows: mostWindows ?? head.mostWindows)
        var long = reading.long[...], window = 0
        return texts.indices.map { index in
            guard let text = long.first, text.index == index else {
                defer { window += 1 }
                return prediction(of: window, in: reading, head)
            }
            defer { window += text.windows }
            long.removeFirst()
            return prediction(of: window..<window + text.windows, in: reading, head, isTruncated: text.isTruncated)
        }
    }

    private func prediction(of window: Int, in reading: Reading, _ head: ModelCard.Head) -> Prediction {
        let (label, confidence, rivals) = reading.encoder.decisions[window]
        let isUnfamiliar = reading.encoder.isUnfamiliar[window]
        return Prediction(
            label: label, confidence: confidence, certainty: isUnfamiliar ? 0 : confidence,
            isSure: !isUnfamiliar && head.isSure(confidence, of: label), rivals: rivals,
            inputTokens: reading.lengths[window],
            flops: flops(of: window, in: reading, head), isUnfamiliar: isUnfamiliar)
    }

    /// - Parameter isTruncated: whether the text continues after the windows.
    private func prediction(
        of windows: Range<Int>, in reading: Reading, _ head: ModelCard.Head, isTruncated: Bool
    ) -> Prediction {
        let width = head.labels.count
        let rows = windows.map { reading.encoder.logits[($0 * width)..<(($0 + 1) * width)] }
        let (label, confidence, rivals) = head.decide(head.combine(rows))
        let isUnfamiliar = windows.contains { reading.encoder.isUnfamiliar[$0] }
        let certainty =
            isUnfamiliar
            ? 0
            : head.certainty(
                confidence, windows: windows.map { reading.encoder.decisions[$0].confidence }, isTruncated: isTruncated)
        return Prediction(
            label: label, confidence: confidence, certainty: certainty, isSure: head.isSure(certainty, of: label),
            rivals: rivals,
            inputTokens: windows.reduce(0) { $0 + reading.lengths[$1] },
            flops: windows.reduce(0) { $0 + flops(of: $1, in: reading, head) }, windows: windows.count,
            isTruncated: isTruncated, isUnfamiliar: isUnfamiliar)
    }

    private func flops(of window: Int, in reading: Reading, _ head: ModelCard.Head) -> Int64 {
        let exit = reading.encoder.exits[window]
        return card.flops(
            tokens: reading.lengths[window], route: head.route, exit: exit < head.exits.count ? exit : nil)
    }

    public func mostTokens(of text: String, in context: ItemContext?, as route: Route) -> Int {
        guard let head = card.head(route) else { return 0 }
        if let sourceTokenizer, readsRequests(as: route) {
            return PlacedText(text, in: context).mostTokens(sourceTokenizer.reading, mostWindows: Windows.mostPerText)
        }
        // A piece has at least one byte.
        return Windows(maxTokens: head.maxTokens, most: head.mostWindows).tokens(pieces: text.utf8.count)
    }

    /// Returns the pooled state of the beginning of each text, scaled to length 1. Texts with similar meanings have
    /// near vectors.
    public func embeddings(_ texts: [String], maxTokens: Int = 128) throws(InferenceError) -> [[Float]] {
        try engine.withLock { engine throws(InferenceError) in
            engine.tokenize(texts, in: Windows(maxTokens: maxTokens, most: 1), with: tokenizer)
            let shape = engine.encoder.shape, width = shape.hiddenSize
            let states = try engine.encoder.states(engine.ids, lengths: engine.lengths, layers: shape.layers)
            return texts.indices.map { index in
                let state = states[(index * width)..<((index + 1) * width)]
                let length = state.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return state.map { length > 0 ? $0 / length : 0 }
            }
        }
    }

    /// - Parameter mostWindows: the maximum number of windows of a text.
    func read(
        _ texts: [String], as route: Route, leavesEarly: Bool = true, mostWindows: Int = Windows.mostPerText
    ) throws(InferenceError) -> Reading {
        guard let index = card.heads.firstIndex(where: { $0.route == route }) else {
            throw .unknownRoute(route, model: identity)
        }
        let windows = Windows(maxTokens: card.heads[index].maxTokens, most: mostWindows)
        return try engine.withLock { engine throws(InferenceError) in
            engine.tokenize(texts, in: windows, with: tokenizer)
            let reading = try engine.encoder.read(
                engine.ids, lengths: engine.lengths, head: index, leavesEarly: leavesEarly)
            return Reading(encoder: reading, lengths: engine.lengths, long: engine.long)
        }
    }

    /// - Returns: the state of each part of a request, and the logits of the head of `Route.decomposition`: none for a
    ///   part without pieces.
    func read(
        _ texts: [PlacedText], mostWindows: Int
    ) throws(InferenceError) -> (states: [RangeState], logits: [[Float]]) {
        guard let sourceTokenizer, let index = card.heads.firstIndex(where: { $0.route == .decomposition }),
            let projection = weights.exits[index].points.last?.projection
        else { throw .unknownRoute(.decomposition, model: identity) }
        let states = try engine.withLock { engine throws(InferenceError) in
            try engine.encoder.rangeStates(of: texts, sourceTokenizer, mostWindows: mostWindows)
        }
        return (states, states.map { $0.state.map { projection.logits($0, rows: 1, kernels) } ?? [] })
    }
}
