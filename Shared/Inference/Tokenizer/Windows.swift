/// How a text of more pieces than a head reads at once is laid out in windows that overlap.
///
/// Neighbours share at least a quarter of a window, so that a short run of pieces stands whole in one of them. Windows
/// are spread evenly and all full: a short last one would be unlike the texts that a model was trained on.
/// - Source: infra/decisions/0028-long-texts.md
struct Windows {
    /// A text of more windows is cut behind them, and marked.
    static let mostPerText = 16

    /// Pieces in a window, without `[CLS]` and `[SEP]`.
    let capacity: Int
    private let most: Int

    /// - Parameter maxTokens: a window's, `[CLS]` and `[SEP]` included.
    init(maxTokens: Int, most: Int = mostPerText) {
        capacity = max(maxTokens - 2, 0)
        self.most = most
    }

    /// Between the beginnings of two neighbours, at most.
    private var stride: Int { max(capacity - capacity / 4, 1) }

    /// Pieces that fit into the most windows that a text may have.
    var mostPieces: Int { capacity + (most - 1) * stride }

    /// Where each window of a text of so many pieces begins.
    func starts(pieces: Int) -> [Int] {
        let spare = min(pieces, mostPieces) - capacity
        guard spare > 0, capacity > 0 else { return [0] }
        let last = (spare + stride - 1) / stride
        return (0...last).map { $0 * spare / last }
    }

    /// Tokens of a text of so many pieces, those counted twice that two windows share.
    func tokens(pieces: Int) -> Int {
        pieces <= capacity ? pieces + 2 : starts(pieces: pieces).count * (capacity + 2)
    }
}
