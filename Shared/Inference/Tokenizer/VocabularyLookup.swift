/// A vocabulary's tables by address, lent for the length of one text.
struct VocabularyLookup {
    let bytes: UnsafeBufferPointer<UInt8>
    let starts: UnsafeBufferPointer<UInt32>
    let beginnings: UnsafeBufferPointer<Vocabulary.Slot>
    let continuations: UnsafeBufferPointer<Vocabulary.Slot>
    let longest: Int
    let unknown: Int32

    /// The longest piece that `word` starts with; most words are one piece, so the first question mostly is the last.
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
