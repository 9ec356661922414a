import CKernels
import Contracts
import Synchronization

/// Finds the items of requests, and says where each belongs. It reads the sources as they are: where a sentence or a
/// list ends, and what is an instruction or a quotation, is the model's to say and no rule's.
///
/// An instance computes on one thread, so concurrent calls wait for each other. A call blocks the calling thread for
/// milliseconds, so a service makes it from an executor of its own.
public final class ItemReader: Sendable {
    public let card: ModelCard
    /// The model's name, and its version on `Route.decomposition`.
    public let identity: ModelIdentity
    /// The fingerprint of the states that the router's head and route heads read.
    public let stateFingerprint: String
    private let tokenizer: SourceTokenizer
    private let weights: EncoderWeights
    private let tags: Projection
    let head: ModelCard.Head
    private let routes: Projection
    /// `nil` if the catalog has none for this router.
    private let routeHeads: RouteHeads?
    /// Tasks whose route head the model cannot use, because it was made for another router.
    public let refusedHeads: [Route]
    private let encoder: Mutex<Engine>

    private struct Engine: ~Copyable {
        let encoder: Encoder
    }

    /// Loads and checks the artifact in a folder such as `infra/models/router`.
    /// - Parameter catalog: has the route heads.
    /// - Throws: errors that are never retriable, because the artifact must change.
    public convenience init(directory: String, catalog: Catalog) throws(ArtifactError) {
        try self.init(directory: directory, catalog: catalog, kernels: 0, exactLibrary: OneDNN.isExact)
    }

    init(directory: String, catalog: Catalog, kernels: Int32, exactLibrary: Bool) throws(ArtifactError) {
        card = try ModelCard.load(directory: directory)
        let shape = card.encoder
        guard let reading = card.reading, let index = card.heads.firstIndex(where: { $0.route == .decomposition })
        else {
            throw ArtifactError(.unsupported, "\(directory)/card.json", "the model is no item reader")
        }
        var tensors = try TensorReader(card, directory: directory, format: "winnow-encoder")
        let vocabulary = try Vocabulary(
            tensors.bytes("tokenizer.vocabulary"), size: shape.vocabularySize, file: tensors.path)
        tokenizer = try SourceTokenizer(WordPieceTokenizer(vocabulary), reading, file: tensors.path)
        weights = try EncoderWeights(&tensors, card, shape, kernels: kernels, exactLibrary: exactLibrary)
        try tensors.finish()
        guard let tags = weights.tags, let routes = weights.exits[index].points.last?.projection else {
            throw ArtifactError(.unsupported, "\(directory)/card.json", "the model is no item reader")
        }
        (self.tags, head, self.routes) = (tags, card.heads[index], routes)
        let fingerprints = Fingerprints(tensors, card, shape)
        identity = card.identity(of: head, fingerprints)
        stateFingerprint = fingerprints.state(of: head)
        (routeHeads, refusedHeads) = Self.routeHeads(catalog, head, stateFingerprint, inputs: shape.hiddenSize)
        do throws(InferenceError) {
            encoder = Mutex(Engine(encoder: try Encoder(weights)))
        } catch {
            throw ArtifactError(.unsupported, tensors.path, error.message)
        }
    }

    /// Creates another instance of the model that shares the weights, so that two threads compute without waiting, and
    /// has the route heads of a catalog.
    /// - Throws: `InferenceError`, never retriable.
    public init(sharing other: ItemReader, catalog: Catalog) throws(InferenceError) {
        (card, identity, stateFingerprint) = (other.card, other.identity, other.stateFingerprint)
        (tokenizer, weights) = (other.tokenizer, other.weights)
        (tags, head, routes) = (other.tags, other.head, other.routes)
        (routeHeads, refusedHeads) = Self.routeHeads(
            catalog, head, stateFingerprint, inputs: weights.shape.hiddenSize)
        encoder = Mutex(Engine(encoder: try Encoder(weights)))
    }

    private static func routeHeads(
        _ catalog: Catalog, _ head: ModelCard.Head, _ state: String, inputs: Int
    ) -> (RouteHeads?, refused: [Route]) {
        let heads = RouteHeads(catalog.routing, state: state, own: head, inputs: inputs)
        return (heads.isEmpty ? nil : heads, heads.refused)
    }

    /// Reads requests on the calling thread. The windows of all of them pass the layers together.
    /// - Parameter requests: the sources of each request: its own text first, then its attachments.
    /// - Returns: for each request a reading of each source.
    public func read(_ requests: [[String]]) throws(InferenceError) -> [[SourceReading]] {
        var batch = Batch(width: weights.shape.hiddenSize)
        for sources in requests { batch.add(pieces(of: sources), tokenizer) }
        try encoder.withLock { engine throws(InferenceError) in
            try engine.encoder.tokenStates(batch.ids, marks: batch.marks, lengths: batch.lengths) { window, states in
                batch.take(window, states, tags, weights.kernels)
            }
        }
        var sources = batch.sources[...]
        return requests.map { request in
            defer { sources = sources.dropFirst(request.count) }
            return sources.prefix(request.count).map(answer)
        }
    }

    var kernels: winnow_kernels { weights.kernels }

    /// Returns the pieces of each source of a request.
    func pieces(of sources: [String]) -> [SourcePieces] {
        sources.map(tokenizer.pieces)
    }

    /// Reads parts of sources on the calling thread, such as items that were found elsewhere. Only the windows from
    /// which a piece of the part has its state are read.
    /// - Returns: one state for each text, in order.
    public func states(of texts: [PlacedText]) throws(InferenceError) -> [RangeState] {
        try encoder.withLock { engine throws(InferenceError) in
            try engine.encoder.rangeStates(of: texts, tokenizer)
        }
    }

    private func answer(_ source: Batch.Source) -> SourceReading {
        let found = source.decoder.items, width = weights.shape.hiddenSize
        let logits = Rows(routes, source.decoder.means, count: found.count, weights.kernels)
        let scores = Rows(routeHeads?.projection, source.decoder.means, count: found.count, weights.kernels)
        let places = source.pieces.places
        let items = found.enumerated().map { index, item in
            ReadItem(
                range: Int(places[item.pieces.lowerBound].start)..<Int(places[item.pieces.upperBound - 1].end),
                certainty: item.certainty, logits: Array(logits[index]),
                prediction: prediction(
                    of: item, head.decide(logits[index]), added: routeHeads?.routes(scores[index]) ?? []))
        }
        let products =
            source.windows.reduce(0) { $0 + weights.shape.products(tokens: $1.tokens, layers: weights.shape.layers) }
            + width * (source.pieces.count * tags.labels + found.count * (logits.width + scores.width))
        return SourceReading(
            items: items, absence: items.isEmpty ? absence(of: source) : nil,
            inputTokens: source.windows.reduce(0) { $0 + $1.tokens }, flops: Int64(2 * products))
    }

    private func prediction(
        of item: ItemDecoder.Item, _ decision: ModelCard.Head.Decision, added: [Route]
    ) -> Prediction {
        let isPlaced = isPlaced(item.certainty)
        return Prediction(
            label: decision.label, confidence: decision.confidence, certainty: isPlaced ? decision.confidence : 0,
            isSure: isPlaced && head.isSure(decision.confidence, of: decision.label),
            inputTokens: item.pieces.count + ReadItem.specials, flops: 0, addedRoutes: added)
    }

    /// What is said of a source without items. The head has read nothing of it, so only the tags count.
    private func absence(of source: Batch.Source) -> Prediction {
        let certainty = source.decoder.leastCertainty, isPlaced = isPlaced(certainty)
        return Prediction(
            label: Answer.noRoute, confidence: certainty, certainty: isPlaced ? certainty : 0,
            isSure: isPlaced && head.acceptThreshold != nil,
            inputTokens: source.pieces.count + ReadItem.specials, flops: 0)
    }

    /// Whether tags are sure enough, of which the least sure has this probability.
    private func isPlaced(_ certainty: Double) -> Bool { tokenizer.reading.sureFrom.map { certainty >= $0 } ?? true }
}

/// Scores of each item of a source.
private struct Rows {
    /// The scores of an item; 0 without a projection.
    let width: Int
    private let scores: [Float]

    /// - Parameter states: one row for each item.
    init(_ projection: Projection?, _ states: [Float], count: Int, _ kernels: winnow_kernels) {
        width = projection?.labels ?? 0
        scores = projection?.logits(states, rows: count, kernels) ?? []
    }

    subscript(item: Int) -> ArraySlice<Float> { scores[item * width..<(item + 1) * width] }
}

/// The sources of a call, and the tokens of their windows.
private struct Batch {
    struct Source {
        let pieces: SourcePieces
        let windows: [SourceWindow]
        var decoder: ItemDecoder
    }

    private(set) var sources: [Source] = []
    private(set) var ids: [Int32] = []
    private(set) var marks: [UInt8] = []
    /// The tokens of each window, and its source.
    private(set) var lengths: [Int] = []
    private var places: [(source: Int, window: Int)] = []
    private let width: Int

    init(width: Int) { self.width = width }

    /// Adds the sources of a request, its own text first.
    mutating func add(_ request: [SourcePieces], _ tokenizer: SourceTokenizer) {
        guard let own = request.first else { return }
        for (index, pieces) in request.enumerated() {
            let windows = SourceWindow.windows(
                tokenizer.reading, count: pieces.count, own: index == 0 ? nil : own.count)
            for (number, window) in windows.enumerated() {
                window.append(pieces, own: own, tokenizer.vocabulary, to: &ids, &marks)
                lengths.append(window.tokens)
                places.append((sources.count, number))
            }
            sources.append(Source(pieces: pieces, windows: windows, decoder: ItemDecoder(width: width)))
        }
    }

    /// Takes the states of a window's tokens. Windows come in order.
    mutating func take(_ number: Int, _ states: UnsafePointer<Float>, _ tags: Projection, _ kernels: winnow_kernels) {
        let place = places[number], window = sources[place.source].windows[place.window]
        let first = states + (window.first + window.owned.lowerBound - window.pieces.lowerBound) * width
        let scores = tags.logits(first, rows: window.owned.count, kernels), pieces = sources[place.source].pieces
        for (row, piece) in window.owned.enumerated() {
            sources[place.source].decoder.take(
                piece, scores[row * tags.labels..<(row + 1) * tags.labels], first + row * width,
                isLineEnd: pieces.isLineEnd(piece), isContinuation: pieces.isContinuation(piece))
        }
        if place.window == sources[place.source].windows.count - 1 { sources[place.source].decoder.finish() }
    }
}

/// What an item reader found in a source.
public struct SourceReading: Sendable, Equatable {
    /// In the order of the text. They do not overlap.
    public var items: [ReadItem]
    /// That the source has no item, as sure as the least sure of its tags; `nil` if it has one.
    public var absence: Prediction?
    /// The tokens of all windows, including context and special tokens. Pieces in two windows count twice.
    public var inputTokens: Int
    /// The operations of the matrix products of all windows, of the tags and of the routes. A multiply-add counts as 2.
    public var flops: Int64

    public init(items: [ReadItem], absence: Prediction? = nil, inputTokens: Int, flops: Int64) {
        self.items = items
        self.absence = absence
        self.inputTokens = inputTokens
        self.flops = flops
    }
}

/// A part of a source that is answered by itself.
public struct ReadItem: Sendable, Equatable {
    /// `[CLS]` and `[SEP]`, which a model reads that is given the item alone.
    static let specials = 2

    /// Offsets of the source's UTF-8, between scalars.
    public var range: Range<Int>
    /// The probability of the least sure tag among those that say where the item is.
    public var certainty: Double
    /// One for each label of the head of `Route.decomposition`.
    public var logits: [Float]
    /// Where the item belongs. It is not sure if the reader is not sure of where the item is. Its tokens are those that a
    /// model reads that is given the item alone, and its operations are 0: what was computed is the source's.
    public var prediction: Prediction

    public init(range: Range<Int>, certainty: Double, logits: [Float] = [], prediction: Prediction) {
        self.range = range
        self.certainty = certainty
        self.logits = logits
        self.prediction = prediction
    }
}
