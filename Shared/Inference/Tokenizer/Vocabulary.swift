/// Word pieces by their bytes, in an open-addressed table. A lookup does not allocate.
struct Vocabulary: Sendable {
    struct Slot {
        var hash: UInt32 = 0
        var id = free

        static let free: Int32 = -1
    }

    /// All pieces, one on each line.
    let bytes: [UInt8]
    /// The offset of each piece's line, followed by the end offset.
    let starts: [UInt32]
    /// The table of pieces that begin a word, and the table of pieces that continue one.
    let tables: [[Slot]]
    let longest: Int
    let unknown: Int32
    let first: Int32
    let last: Int32
    /// The pieces that stand for a line end and for empty lines in an item reader; `nil` if the vocabulary lacks one.
    let lineEnds: LineEnds?

    struct LineEnds: Sendable, Equatable {
        let one: Int32
        let several: Int32
    }

    /// - Parameter text: one piece on each line, separated by `\n`. The line number is the piece's id.
    init(_ text: [UInt8], size: Int, file: String) throws(ArtifactError) {
        let pieces = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard pieces.count == size else {
            throw ArtifactError(.vocabulary, file, "the vocabulary has \(pieces.count) pieces, its card says \(size)")
        }
        guard String(validating: text, as: UTF8.self) != nil else {
            throw ArtifactError(.vocabulary, file, "the vocabulary is not UTF-8")
        }
        let starts = (0...size).map { UInt32($0 < size ? pieces[$0].startIndex : text.count + 1) }
        var tables = [[Slot]](repeating: [], count: 2)
        for isContinuation in [false, true] {
            let count = pieces.count { Self.isContinuation($0) == isContinuation }
            var capacity = 16
            while capacity < 2 * count { capacity *= 2 }
            tables[isContinuation ? 1 : 0] = [Slot](repeating: Slot(), count: capacity)
        }
        var longest = 0
        var specials: [String: Int32] = [:]
        for (id, piece) in pieces.enumerated() {
            let continues = Self.isContinuation(piece), key = continues ? piece.dropFirst(Self.mark) : piece
            guard !key.isEmpty, key.count <= 1024 else {
                throw ArtifactError(.vocabulary, file, "piece \(id) of the vocabulary is empty or too long")
            }
            guard Self.insert(key, id: Int32(id), among: pieces, into: &tables[continues ? 1 : 0]) else {
                throw ArtifactError(.vocabulary, file, "piece \(id) of the vocabulary occurs twice")
            }
            longest = max(longest, key.count)
            if piece.first == UInt8(ascii: "[") { specials[String(decoding: piece, as: UTF8.self)] = Int32(id) }
        }
        for special in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] where specials[special] == nil {
            throw ArtifactError(.vocabulary, file, "the vocabulary lacks \(special)")
        }
        (bytes, self.starts, self.tables, self.longest) = (text, starts, tables, longest)
        unknown = specials["[UNK]"] ?? 0
        first = specials["[CLS]"] ?? 0
        last = specials["[SEP]"] ?? 0
        lineEnds = specials["[unused1]"].flatMap { one in
            specials["[unused2]"].map { LineEnds(one: one, several: $0) }
        }
    }

    /// FNV-1a, one byte at a time, so that one pass over a word gives the hash of each of its prefixes.
    static let hashStart: UInt32 = 2_166_136_261

    @inline(__always)
    static func hash(_ hash: UInt32, _ byte: UInt8) -> UInt32 { (hash ^ UInt32(byte)) &* 16_777_619 }

    /// The length of the `##` before a continuation. The continuation table omits it.
    static let mark = 2

    /// Whether a piece continues a word.
    func isContinuation(_ id: Int32) -> Bool {
        Self.isContinuation(bytes[Int(starts[Int(id)])..<Int(starts[Int(id) + 1]) - 1])
    }

    private static func isContinuation(_ piece: ArraySlice<UInt8>) -> Bool {
        piece.count > 2 && piece.starts(with: [UInt8(ascii: "#"), UInt8(ascii: "#")])
    }

    /// - Returns: false if the piece is already in the table.
    private static func insert(
        _ key: ArraySlice<UInt8>, id: Int32, among pieces: [ArraySlice<UInt8>], into table: inout [Slot]
    ) -> Bool {
        let code = key.reduce(hashStart, hash)
        var index = Int(code) & (table.count - 1)
        while table[index].id != Slot.free {
            let slot = table[index]
            if slot.hash == code, pieces[Int(slot.id)] == pieces[Int(id)] { return false }
            index = (index + 1) & (table.count - 1)
        }
        table[index] = Slot(hash: code, id: id)
        return true
    }
}

/// A vocabulary's tables as pointers, lent while one text is tokenized.
struct VocabularyLookup {
    let bytes: UnsafeBufferPointer<UInt8>
    let starts: UnsafeBufferPointer<UInt32>
    let beginnings: UnsafeBufferPointer<Vocabulary.Slot>
    let continuations: UnsafeBufferPointer<Vocabulary.Slot>
    let longest: Int
    let unknown: Int32

    /// Returns the longest piece at the start of `word`. Most words are one piece, so the first lookup usually
    /// succeeds.
    func longestMatch(_ word: UnsafeBufferPointer<UInt8>, continuing: Bool) -> (id: Int32, count: Int)? {
        let reach = min(word.count, longest), table = continuing ? continuations : beginnings
        let mark = continuing ? Vocabulary.mark : 0
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: reach) { hashes in
            var hash = Vocabulary.hashStart
            for index in 0..<reach {
                hash = Vocabulary.hash(hash, word[index])
                hashes[index] = hash
            }
            for count in stride(from: reach, to: 0, by: -1) {
                if let id = find(word, count, hashes[count - 1], table, mark) { return (id, count) }
            }
            return nil
        }
    }

    @inline(__always)
    private func find(
        _ word: UnsafeBufferPointer<UInt8>, _ count: Int, _ hash: UInt32, _ table: UnsafeBufferPointer<Vocabulary.Slot>,
        _ mark: Int
    ) -> Int32? {
        var index = Int(hash) & (table.count - 1)
        while table[index].id != Vocabulary.Slot.free {
            let slot = table[index]
            if slot.hash == hash, matches(word, count, slot.id, mark) { return slot.id }
            index = (index + 1) & (table.count - 1)
        }
        return nil
    }

    @inline(__always)
    private func matches(_ word: UnsafeBufferPointer<UInt8>, _ count: Int, _ id: Int32, _ mark: Int) -> Bool {
        let start = Int(starts[Int(id)]) + mark
        guard start + count + 1 == Int(starts[Int(id) + 1]) else { return false }
        for index in 0..<count where word[index] != bytes[start + index] { return false }
        return true
    }
}

extension Vocabulary {
    func lend(_ body: (VocabularyLookup) -> Void) {
        bytes.withUnsafeBufferPointer { bytes in
            starts.withUnsafeBufferPointer { starts in
                tables[0].withUnsafeBufferPointer { beginnings in
                    tables[1].withUnsafeBufferPointer { continuations in
                        body(
                            VocabularyLookup(
                                bytes: bytes, starts: starts, beginnings: beginnings, continuations: continuations,
                                longest: longest, unknown: unknown))
                    }
                }
            }
        }
    }
}
