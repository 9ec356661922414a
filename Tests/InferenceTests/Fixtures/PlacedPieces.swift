@testable import Inference

/// The pieces of a text, with their places.
struct PlacedPieces: PieceSink {
    var ids: [Int32] = []
    var places: [SourcePlace] = []

    init(_ text: String, _ tokenizer: WordPieceTokenizer) {
        WordPieceTokenizer.lendUTF8(of: text) { tokenizer.scan($0, 0..<$0.count, .max, &self) }
    }

    var count: Int { ids.count }

    /// FNV-1a of the places, as the golden file has it.
    var digest: UInt32 {
        let text = places.map { "\($0.start)-\($0.end)" }.joined(separator: " ")
        return text.utf8.reduce(Vocabulary.hashStart, Vocabulary.hash)
    }

    mutating func append(_ id: Int32, _ place: SourcePlace) {
        ids.append(id)
        places.append(place)
    }

    mutating func removeLast(_ count: Int) {
        ids.removeLast(count)
        places.removeLast(count)
    }
}
