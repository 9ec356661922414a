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
    private let routes: Projection
    private let encoder: Mutex<Engine>

    private struct Engine: ~Copyable {
        let encoder: Encoder
    }

    /// Loads and checks the artifact in a folder such as `infra/models/router`.
    /// - Throws: errors that are never retriable, because the artifact must change.
    public convenience init(directory: String) throws(ArtifactError) {
        try self.init(directory: directory, kernels: 0, exactLibrary: OneDNN.isExact)
    }

    init(directory: String, kernels: Int32, exactLibrary: Bool) throws(ArtifactError) {
        card = try ModelCard.load(directory: directory)
        guard let shape = card.encoder, let reading = card.reading,
            let index = card.heads.firstIndex(where: { $0.route == .decomposition })
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
        (self.tags, self.routes) = (tags, routes)
        let fingerprints = Fingerprints(tensors, card, shape)
        identity = card.identity(of: card.heads[index], fingerprints)
        stateFingerprint = fingerprints.state(of: card.heads[index])
        do throws(InferenceError) {
            encoder = Mutex(Engine(encoder: try Encoder(weights)))
        } catch {
            throw ArtifactError(.unsupported, tensors.path, error.message)
        }
    }

    /// Creates another instance of the model that shares the weights, so that two threads compute without waiting.
    /// - Throws: `InferenceError`, never retriable.
    public init(sharing other: ItemReader) throws(InferenceError) {
        (card, identity, stateFingerprint) = (other.card, other.identity, other.stateFingerprint)
        (tokenizer, weights, tags, routes) = (other.tokenizer, other.weights, other.tags, other.routes)
        encoder = Mutex(Engine(encoder: try Encoder(weights)))
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
        let found = source.decoder.items, width = weights.shape.hiddenSize, labels = routes.labels
        let logits = routes.logits(source.decoder.means, rows: found.count, weights.kernels)
        let items = found.enumerated().map { index, item in
            let places = source.pieces.places
            return ReadItem(
                range: Int(places[item.pieces.lowerBound].start)..<Int(places[item.pieces.upperBound - 1].end),
                certainty: item.certainty, logits: Array(logits[index * labels..<(index + 1) * labels]),
                state: Array(source.decoder.means[index * width..<(index + 1) * width]))
        }
        let products =
            source.windows.reduce(0) { $0 + weights.shape.products(tokens: $1.tokens, layers: weights.shape.layers) }
            + width * (source.pieces.count * tags.labels + found.count * labels)
        return SourceReading(
            items: items, inputTokens: source.windows.reduce(0) { $0 + $1.tokens }, flops: Int64(2 * products))
    }
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
    /// The tokens of all windows, including context and special tokens. Pieces in two windows count twice.
    public var inputTokens: Int
    /// The operations of the matrix products of all windows, of the tags and of the routes. A multiply-add counts as 2.
    public var flops: Int64

    public init(items: [ReadItem], inputTokens: Int, flops: Int64) {
        self.items = items
        self.inputTokens = inputTokens
        self.flops = flops
    }
}

/// A part of a source that is answered by itself.
public struct ReadItem: Sendable, Equatable {
    /// Offsets of the source's UTF-8, between scalars.
    public var range: Range<Int>
    /// The probability of the least sure tag among those that say where the item is.
    public var certainty: Double
    /// One for each label of the head of `Route.decomposition`.
    public var logits: [Float]
    /// The mean state of the item's pieces, which route heads read.
    public var state: [Float]

    public init(range: Range<Int>, certainty: Double, logits: [Float], state: [Float]) {
        self.range = range
        self.certainty = certainty
        self.logits = logits
        self.state = state
    }
}
