@testable import Inference

/// A small vocabulary with pieces for characters of one to four bytes.
enum FuzzedTokenizer {
    static let pieces =
        [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "play", "##ing", "jazz", "and", ",", ".", "'",
            "t",
        ]
        + "abcdefghijklmnopqrstuvwxyz0123456789".flatMap { ["\($0)", "##\($0)"] }.filter { $0 != "t" }
        + ["é", "##ü", "中", "##中", "🙂", "##🙂", "\u{1100}", "##\u{1161}", "##\u{11A8}"]

    static let shared: WordPieceTokenizer = {
        do {
            let text = Array(pieces.joined(separator: "\n").utf8)
            return WordPieceTokenizer(try Vocabulary(text, size: pieces.count, file: "fuzz"))
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}
