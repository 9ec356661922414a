#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What an item reader says of a piece, in the order of its scores.
enum ItemTag: Int, CaseIterable {
    case outside, begin, inside
}

/// Finds the items of a source in the tags of its pieces, and the mean state of each.
///
/// It takes one piece after another and keeps no states, so that a long source needs no more memory than a short one.
struct ItemDecoder {
    struct Item {
        /// Neither begins nor ends with a line end.
        let pieces: Range<Int>
        /// The probability of the least sure tag.
        let certainty: Double
    }

    private(set) var items: [Item] = []
    /// The mean state of each item, one row after another.
    private(set) var means: [Float] = []
    private let width: Int
    /// The tags so far make an item that has not ended.
    private var isOpen = false
    private var certainty = 1.0
    /// The pieces of the open item, from its first to its last that is no line end.
    private var pieces = 0..<0
    /// The sum of the states of these pieces.
    private var sum: [Float]
    /// The sum of the states of the line ends after them.
    private var lineEnds: [Float]

    /// - Parameter width: the numbers of a state.
    init(width: Int) {
        self.width = width
        sum = [Float](repeating: 0, count: width)
        lineEnds = sum
    }

    /// Takes the next piece.
    /// - Parameters:
    ///   - scores: one for each tag.
    ///   - isWithinScalar: the piece begins in the scalar with which the piece before it ends. It follows that piece,
    ///     or two items would share the scalar.
    mutating func take(
        _ piece: Int, _ scores: ArraySlice<Float>, _ state: UnsafePointer<Float>, isLineEnd: Bool, isWithinScalar: Bool
    ) {
        var (tag, probability) = Self.tag(scores)
        if isWithinScalar { tag = isOpen ? .inside : .outside }
        switch tag {
        case .outside: finish()
        case .begin: begin()
        case .inside: if !isOpen { begin() }
        }
        guard isOpen else { return }
        certainty = min(certainty, probability)
        if isLineEnd {
            if !pieces.isEmpty { add(state, to: &lineEnds) }
            return
        }
        if pieces.isEmpty {
            pieces = piece..<piece + 1
        } else {
            if pieces.upperBound < piece {
                add(lineEnds, to: &sum)
                clear(&lineEnds)
            }
            pieces = pieces.lowerBound..<piece + 1
        }
        add(state, to: &sum)
    }

    /// Ends the open item, if there is one. Called after the last piece.
    mutating func finish() {
        if !pieces.isEmpty {
            items.append(Item(pieces: pieces, certainty: certainty))
            means += sum.lazy.map { [count = Float(pieces.count)] in $0 / count }
        }
        (isOpen, certainty, pieces) = (false, 1, 0..<0)
        clear(&sum)
        clear(&lineEnds)
    }

    private mutating func begin() {
        finish()
        isOpen = true
    }

    /// Returns the tag with the highest score, and its probability.
    private static func tag(_ scores: ArraySlice<Float>) -> (ItemTag, Double) {
        var best = ItemTag.outside, peak = -Float.infinity
        for (tag, score) in zip(ItemTag.allCases, scores) where score > peak { (best, peak) = (tag, score) }
        return (best, 1 / scores.reduce(0) { $0 + exp(Double($1) - Double(peak)) })
    }

    private func add(_ state: UnsafePointer<Float>, to sum: inout [Float]) {
        for index in 0..<width { sum[index] += state[index] }
    }

    private func clear(_ sum: inout [Float]) {
        for index in 0..<width { sum[index] = 0 }
    }
}
