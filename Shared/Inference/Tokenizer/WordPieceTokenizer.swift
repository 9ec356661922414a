/// BERT's uncased WordPiece, with exactly the ids of the reference implementation.
/// - Source: infra/models/README.md, Tokenizer
public struct WordPieceTokenizer: Sendable {
    /// Words of more characters are unknown.
    static let longestWord = 100

    let vocabulary: Vocabulary

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    /// Returns the ids of `text` between `[CLS]` and `[SEP]`, at most `maxTokens` in total.
    public func encode(_ text: String, maxTokens: Int) -> [Int32] {
        var ids: [Int32] = []
        encode(text, maxTokens: maxTokens, into: &ids)
        return ids
    }

    /// Appends the same ids to `ids`.
    func encode(_ text: String, maxTokens: Int, into ids: inout [Int32]) {
        ids.append(vocabulary.first)
        append(text, most: max(maxTokens - 2, 0), to: &ids)
        ids.append(vocabulary.last)
    }

    /// Appends the windows of `text`, each between `[CLS]` and `[SEP]`, and their lengths. A text that fits into one
    /// window is tokenized once. A longer text is tokenized again, as far as its windows extend.
    /// - Returns: whether the text continues after its last window.
    func encode(_ text: String, in windows: Windows, into ids: inout [Int32], _ lengths: inout [Int]) -> Bool {
        let start = ids.count
        ids.append(vocabulary.first)
        // One piece more than the capacity shows whether the text is longer.
        append(text, most: windows.capacity + 1, to: &ids)
        if ids.count - start - 1 <= windows.capacity {
            ids.append(vocabulary.last)
            lengths.append(ids.count - start)
            return false
        }
        ids.removeLast(ids.count - start)
        var pieces: [Int32] = []
        append(text, most: windows.mostPieces + 1, to: &pieces)
        for first in windows.starts(pieces: pieces.count) {
            ids.append(vocabulary.first)
            ids += pieces[first..<first + windows.capacity]
            ids.append(vocabulary.last)
            lengths.append(windows.capacity + 2)
        }
        return pieces.count > windows.mostPieces
    }

    /// Appends the first pieces of `text`.
    private func append(_ text: String, most: Int, to ids: inout [Int32]) {
        let limit = ids.count + most
        Self.lendUTF8(of: text) { scan($0, 0..<$0.count, limit, &ids) }
        if ids.count > limit { ids.removeLast(ids.count - limit) }
    }

    /// Lends the UTF-8 of `text`, without a copy if the text is stored in it.
    static func lendUTF8(of text: String, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        let isRead: Void? = text.utf8.withContiguousStorageIfAvailable(body)
        if isRead == nil { Array(text.utf8).withUnsafeBufferPointer(body) }
    }

    /// Appends the pieces of a part of `text`. Stops when `pieces` has `limit` entries or more.
    /// - Parameter range: begins and ends between scalars.
    func scan(
        _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ limit: Int, _ pieces: inout some PieceSink
    ) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * Self.longestWord + 4) { buffer in
            withUnsafeTemporaryAllocation(of: SourcePlace.self, capacity: Self.longestWord) { places in
                vocabulary.lend { lookup in
                    var word = WordBuffer(buffer, places, lookup)
                    var index = range.lowerBound
                    while index < range.upperBound, pieces.count < limit {
                        let byte = text[index]
                        if byte < 0x80 {
                            let place = SourcePlace(index, 1)
                            index += 1
                            switch ASCIIClass.of(byte) {
                            case .letter: word.append(byte, place)
                            case .capital: word.append(byte | 0x20, place)
                            case .space: word.end(&pieces)
                            case .punctuation: word.add(alone: UInt32(byte), place, &pieces)
                            case .dropped: break
                            }
                        } else {
                            let (scalar, length) = UTF8.scalar(in: text, at: index)
                            let place = SourcePlace(index, length)
                            index += length
                            ScalarRules.normalize(scalar) { scalar, isAlone in
                                switch ScalarRules.kind(of: scalar) {
                                case .space: word.end(&pieces)
                                case .punctuation: word.add(alone: scalar, place, &pieces)
                                case .letter where isAlone: word.add(alone: scalar, place, &pieces)
                                case .letter: word.append(scalar, place)
                                }
                            }
                        }
                    }
                    word.end(&pieces)
                }
            }
        }
    }
}

/// Divides a text of more pieces than a head reads at once into overlapping windows.
///
/// Neighbouring windows share at least a quarter of a window, so that a short phrase is complete in one of them. All
/// windows are full and evenly spread: a short last window would be unlike the texts that the model was trained on.
/// - Source: infra/decisions/0028-long-texts.md
struct Windows {
    /// A text of more windows is truncated after them, and marked as truncated.
    static let mostPerText = 16

    /// Pieces in a window, without `[CLS]` and `[SEP]`.
    let capacity: Int
    private let most: Int

    /// - Parameter maxTokens: the tokens of a window, including `[CLS]` and `[SEP]`.
    init(maxTokens: Int, most: Int = mostPerText) {
        capacity = max(maxTokens - 2, 0)
        self.most = most
    }

    /// The maximum distance between the starts of two neighbouring windows.
    private var stride: Int { max(capacity - capacity / 4, 1) }

    /// The pieces that fit into the maximum number of windows.
    var mostPieces: Int { capacity + (most - 1) * stride }

    /// Returns the start of each window of a text of `pieces` pieces.
    func starts(pieces: Int) -> [Int] {
        let spare = min(pieces, mostPieces) - capacity
        guard spare > 0, capacity > 0 else { return [0] }
        let last = (spare + stride - 1) / stride
        return (0...last).map { $0 * spare / last }
    }

    /// Returns the tokens of a text of `pieces` pieces. Pieces in two windows count twice.
    func tokens(pieces: Int) -> Int {
        pieces <= capacity ? pieces + 2 : starts(pieces: pieces).count * (capacity + 2)
    }
}
