/// BERT's uncased WordPiece, id for id what the reference gives.
/// - Source: infra/models/README.md, Tokenizer
public struct WordPieceTokenizer: Sendable {
    /// A word of more characters is unknown.
    static let longestWord = 100

    private let vocabulary: Vocabulary

    init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    /// Ids of `text` between `[CLS]` and `[SEP]`, at most `maxTokens` with both.
    public func encode(_ text: String, maxTokens: Int) -> [Int32] {
        var ids: [Int32] = []
        encode(text, maxTokens: maxTokens, into: &ids)
        return ids
    }

    /// The same, appended to `ids`.
    func encode(_ text: String, maxTokens: Int, into ids: inout [Int32]) {
        ids.append(vocabulary.first)
        append(text, most: max(maxTokens - 2, 0), to: &ids)
        ids.append(vocabulary.last)
    }

    /// Appends the windows of `text`, each between `[CLS]` and `[SEP]`, and their lengths. A text that fits into one window
    /// is read once; a longer one is read again as far as its windows reach.
    /// - Returns: whether the text goes on behind its last window.
    func encode(_ text: String, in windows: Windows, into ids: inout [Int32], _ lengths: inout [Int]) -> Bool {
        let start = ids.count
        ids.append(vocabulary.first)
        // One piece more than fits tells whether the text is longer.
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

    /// Stops when `ids` has reached `limit`: what lies behind could not be kept.
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

    /// The scalar at `index`; a string's bytes are always well formed.
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
