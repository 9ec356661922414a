/// BERT's uncased WordPiece, with exactly the ids of the reference implementation.
/// - Source: infra/models/README.md, Tokenizer
public struct WordPieceTokenizer: Sendable {
    /// Words of more characters are unknown.
    static let longestWord = 100

    private let vocabulary: Vocabulary

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
        let isRead: Void? = text.utf8.withContiguousStorageIfAvailable { scan($0, limit, &ids) }
        if isRead == nil { Array(text.utf8).withUnsafeBufferPointer { scan($0, limit, &ids) } }
        if ids.count > limit { ids.removeLast(ids.count - limit) }
    }

    /// Appends the pieces of `text`. Stops when `ids` has `limit` entries.
    private func scan(_ text: UnsafeBufferPointer<UInt8>, _ limit: Int, _ ids: inout [Int32]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * Self.longestWord + 4) { buffer in
            vocabulary.lend { lookup in
                var word = WordBuffer(buffer, lookup)
                var index = 0
                while index < text.count, ids.count < limit {
                    let byte = text[index]
                    if byte < 0x80 {
                        index += 1
                        switch ASCIIClass.of(byte) {
                        case .letter: word.append(byte)
                        case .capital: word.append(byte | 0x20)
                        case .space: word.end(&ids)
                        case .punctuation: word.add(alone: byte, &ids)
                        case .dropped: break
                        }
                    } else {
                        let (scalar, length) = decode(text, index)
                        index += length
                        ScalarRules.normalize(scalar) { scalar, isAlone in
                            switch ScalarRules.kind(of: scalar) {
                            case .space: word.end(&ids)
                            case .punctuation:
                                word.end(&ids)
                                word.append(scalar)
                                word.end(&ids)
                            case .letter where isAlone:
                                word.end(&ids)
                                word.append(scalar)
                                word.end(&ids)
                            case .letter: word.append(scalar)
                            }
                        }
                    }
                }
                word.end(&ids)
            }
        }
    }

    /// Returns the scalar at `index`. The bytes of a string are always well formed.
    private func decode(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> (scalar: UInt32, length: Int) {
        let lead = UInt32(text[index])
        func tail(_ offset: Int) -> UInt32 { UInt32(text[index + offset] & 0x3F) }
        switch lead {
        case ..<0xE0: return ((lead & 0x1F) << 6 | tail(1), 2)
        case ..<0xF0: return ((lead & 0x0F) << 12 | tail(1) << 6 | tail(2), 3)
        default: return ((lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4)
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

/// Collects the current word, and appends its pieces when it ends.
struct WordBuffer {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let vocabulary: VocabularyLookup
    private var count = 0
    private var characters = 0

    init(_ bytes: UnsafeMutableBufferPointer<UInt8>, _ vocabulary: VocabularyLookup) {
        self.bytes = bytes
        self.vocabulary = vocabulary
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        characters += 1
        guard characters <= WordPieceTokenizer.longestWord else { return }
        bytes[count] = byte
        count += 1
    }

    mutating func append(_ scalar: UInt32) {
        guard scalar >= 0x80 else { return append(UInt8(truncatingIfNeeded: scalar)) }
        characters += 1
        guard characters <= WordPieceTokenizer.longestWord, let scalar = Unicode.Scalar(scalar) else { return }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            bytes[count] = byte
            count += 1
        }
    }

    /// Ends the current word, and adds `byte` as a word of its own.
    mutating func add(alone byte: UInt8, _ ids: inout [Int32]) {
        end(&ids)
        append(byte)
        end(&ids)
    }

    /// Matches the longest pieces greedily. A word that is too long or has an unknown piece becomes one `[UNK]`.
    mutating func end(_ ids: inout [Int32]) {
        guard characters > 0 else { return }
        defer { (count, characters) = (0, 0) }
        guard characters <= WordPieceTokenizer.longestWord else { return ids.append(vocabulary.unknown) }
        let before = ids.count
        var start = 0
        while start < count {
            let rest = UnsafeBufferPointer(rebasing: bytes[start..<count])
            guard let (id, length) = vocabulary.longestMatch(rest, continuing: start > 0) else {
                ids.removeLast(ids.count - before)
                return ids.append(vocabulary.unknown)
            }
            ids.append(id)
            start += length
        }
    }
}
