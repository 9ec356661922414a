/// The word being read, and its pieces when it ends.
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

    /// Ends the word and adds `byte` as a word of its own.
    mutating func add(alone byte: UInt8, _ ids: inout [Int32]) {
        end(&ids)
        append(byte)
        end(&ids)
    }

    /// Greedy longest match; a word that is too long or has an uncovered piece is one `[UNK]`.
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
