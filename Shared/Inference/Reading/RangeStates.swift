import Contracts

/// A part of a request's source, which is read where it stands.
public struct PlacedText: Sendable, Equatable {
    /// The request's own text first, then its attachments.
    public var sources: [String]
    /// The index of the source that has the part.
    public var source: Int
    /// Offsets of the source's UTF-8.
    public var range: Range<Int>

    public init(sources: [String], source: Int, range: Range<Int>) {
        self.sources = sources
        self.source = source
        self.range = range
    }
}

extension PlacedText {
    /// An item between what stands around it.
    init(_ item: String, in context: ItemContext?) {
        let before = context?.before ?? "", source = before + item + (context?.after ?? "")
        let sources = [context?.request, source].compactMap(\.self)
        self.init(
            sources: sources, source: sources.count - 1,
            range: before.utf8.count..<before.utf8.count + item.utf8.count)
    }

    /// The maximum number of tokens that reading the part consumes.
    func mostTokens(_ reading: ModelCard.Reading, mostWindows: Int) -> Int {
        // A piece has at least one byte, and more pieces never have fewer tokens.
        let own = source == 0 ? nil : sources[0].utf8.count
        // Pieces of more windows than the maximum change nothing.
        let count = min(sources[source].utf8.count, reading.window * (mostWindows + 1))
        let windows = SourceWindow.windows(reading, count: count, own: own)
        return min(windows.reduce(0) { $0 + $1.tokens }, reading.window * mostWindows)
    }
}

/// The mean state of a part of a source, which heads and route heads read.
public struct RangeState: Sendable, Equatable {
    /// The mean of the states of the pieces that overlap the range, without line ends at both ends. `nil` if there is
    /// no such piece.
    public var state: [Float]?
    /// The tokens of the windows that were read, including context and special tokens.
    public var inputTokens: Int
    /// The operations of the matrix products of these windows' layers. A multiply-add counts as 2.
    public var flops: Int64
    public var windows: Int
    /// Whether the range has pieces that were not read.
    public var isTruncated: Bool

    public init(state: [Float]?, inputTokens: Int, flops: Int64, windows: Int, isTruncated: Bool = false) {
        self.state = state
        self.inputTokens = inputTokens
        self.flops = flops
        self.windows = windows
        self.isTruncated = isTruncated
    }
}

/// Divides sources into pieces and windows, as a model with `reading` on its card reads them.
struct SourceTokenizer: Sendable {
    let reading: ModelCard.Reading
    private let tokenizer: WordPieceTokenizer
    private let lineEnds: Vocabulary.LineEnds

    var vocabulary: Vocabulary { tokenizer.vocabulary }

    /// - Parameter file: the file with the vocabulary, for the error.
    /// - Throws: if the vocabulary has no pieces for line ends.
    init(
        _ tokenizer: WordPieceTokenizer, _ reading: ModelCard.Reading, file: String
    ) throws(ArtifactError) {
        guard let lineEnds = tokenizer.vocabulary.lineEnds else {
            throw ArtifactError(.vocabulary, file, "the vocabulary lacks [unused1] or [unused2]")
        }
        (self.tokenizer, self.reading, self.lineEnds) = (tokenizer, reading, lineEnds)
    }

    func pieces(of source: String) -> SourcePieces { SourcePieces(source, tokenizer, lineEnds: lineEnds) }
}

extension Encoder {
    /// Reads only the windows from which a piece of a range has its state. Those of all texts pass the layers together.
    /// - Parameter mostWindows: the maximum number of windows of a text. Pieces of later ones are not read.
    func rangeStates(
        of texts: [PlacedText], _ tokenizer: SourceTokenizer, mostWindows: Int = .max
    ) throws(InferenceError) -> [RangeState] {
        var batch = RangeBatch(shape: shape)
        for text in texts { batch.add(text, tokenizer, mostWindows: mostWindows) }
        try tokenStates(batch.ids, marks: batch.marks, lengths: batch.lengths) { window, states in
            batch.take(window, states)
        }
        return batch.states
    }
}

/// The windows in which ranges are read, and the sums of the states of their pieces.
private struct RangeBatch {
    private struct Text {
        /// Those of the range that are read.
        var pieces = 0
        var windows = 0
        var inputTokens = 0
        var products = 0
        var isTruncated = false
    }

    private(set) var ids: [Int32] = []
    private(set) var marks: [UInt8] = []
    /// The tokens of each window.
    private(set) var lengths: [Int] = []
    /// The text of each window, and the tokens that are pieces of its range.
    private var parts: [(text: Int, tokens: Range<Int>)] = []
    private var texts: [Text] = []
    /// One row for each text.
    private var sums: [Float] = []
    private let shape: ModelCard.Encoder

    init(shape: ModelCard.Encoder) { self.shape = shape }

    mutating func add(_ placed: PlacedText, _ tokenizer: SourceTokenizer, mostWindows: Int) {
        let source = tokenizer.pieces(of: placed.sources[placed.source])
        let own = placed.source == 0 ? source : tokenizer.pieces(of: placed.sources[0])
        let range = source.pieces(in: placed.range)
        let windows = SourceWindow.windows(
            tokenizer.reading, count: source.count, own: placed.source == 0 ? nil : own.count)
        var text = Text()
        for window in windows where window.owned.overlaps(range) {
            guard text.windows < mostWindows else {
                text.isTruncated = true
                break
            }
            let pieces = window.owned.clamped(to: range), first = window.first - window.pieces.lowerBound
            window.append(source, own: own, tokenizer.vocabulary, to: &ids, &marks)
            lengths.append(window.tokens)
            parts.append((texts.count, first + pieces.lowerBound..<first + pieces.upperBound))
            text.pieces += pieces.count
            text.windows += 1
            text.inputTokens += window.tokens
            text.products += shape.products(tokens: window.tokens, layers: shape.layers)
        }
        texts.append(text)
        sums.append(contentsOf: repeatElement(0, count: shape.hiddenSize))
    }

    /// Takes the states of a window's tokens.
    mutating func take(_ number: Int, _ states: UnsafePointer<Float>) {
        let part = parts[number], width = shape.hiddenSize, first = part.text * width
        for token in part.tokens {
            for index in 0..<width { sums[first + index] += states[token * width + index] }
        }
    }

    var states: [RangeState] {
        let width = shape.hiddenSize
        return texts.enumerated().map { index, text in
            let sum = sums[index * width..<(index + 1) * width], count = Float(text.pieces)
            return RangeState(
                state: text.pieces > 0 ? sum.map { $0 / count } : nil, inputTokens: text.inputTokens,
                flops: Int64(2 * text.products), windows: text.windows, isTruncated: text.isTruncated)
        }
    }
}

extension SourcePieces {
    /// Returns the pieces that overlap a range of the source's UTF-8, without line ends at both ends.
    fileprivate func pieces(in range: Range<Int>) -> Range<Int> {
        func belongs(_ piece: Int) -> Bool {
            range.lowerBound < places[piece].end && places[piece].start < range.upperBound && !isLineEnd(piece)
        }
        guard !range.isEmpty, let first = places.indices.first(where: belongs),
            let last = places.indices.last(where: belongs)
        else { return 0..<0 }
        return first..<last + 1
    }
}

extension EncoderClassifier {
    /// Says where parts of requests belong.
    func predict(_ texts: [PlacedText], mostWindows: Int) throws(InferenceError) -> [Prediction] {
        guard let head = card.head(.decomposition) else { throw .unknownRoute(.decomposition, model: identity) }
        let (states, logits) = try read(texts, mostWindows: mostWindows)
        return zip(states, logits).map { Prediction($0, $1, head) }
    }
}

extension Prediction {
    /// An answer about a part of a request. Nothing is known of a part without pieces.
    fileprivate init(_ read: RangeState, _ logits: [Float], _ head: ModelCard.Head) {
        let (label, confidence, rivals) = logits.isEmpty ? (Answer.noRoute, 0, []) : head.decide(logits)
        let certainty = read.isTruncated ? 0 : confidence
        self.init(
            label: label, confidence: confidence, certainty: certainty, isSure: head.isSure(certainty, of: label),
            rivals: rivals,
            inputTokens: read.inputTokens, flops: read.flops + Int64(2 * (read.state?.count ?? 0) * logits.count),
            windows: read.windows, isTruncated: read.isTruncated)
    }
}
