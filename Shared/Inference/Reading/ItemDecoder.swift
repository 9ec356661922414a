/// What an item reader says of a piece, in the order of its scores.
enum ItemTag: Int, CaseIterable {
    case outside, begin, inside
}

/// Finds the items of a source in the tags of its pieces, and the mean state of each.
///
/// It takes one piece after another, and keeps the states of those whose tag is not decided yet, so that a long source
/// needs hardly more memory than a short one.
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
    /// The probability of the least sure tag of the source.
    private(set) var leastCertainty = 1.0
    private let width: Int
    private var path = TagPath()
    /// The pieces whose tag is not decided, and their states, one row after another.
    private var waiting: [(piece: Int, isLineEnd: Bool)] = []
    private var states: [Float] = []
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
    ///   - isContinuation: the piece follows the one before it, so that no word is cut.
    mutating func take(
        _ piece: Int, _ scores: ArraySlice<Float>, _ state: UnsafePointer<Float>, isLineEnd: Bool, isContinuation: Bool
    ) {
        follow(path.take(scores, isContinuation: isContinuation))
        waiting.append((piece, isLineEnd))
        states.append(contentsOf: UnsafeBufferPointer(start: state, count: width))
    }

    /// Ends the source. Called after the last piece.
    mutating func finish() {
        follow(path.finish())
        end()
    }

    /// Takes the tags of the first pieces that wait for theirs.
    private mutating func follow(_ decided: [TagPath.Decision]) {
        guard !decided.isEmpty else { return }
        states.withUnsafeBufferPointer { rows in
            guard let first = rows.baseAddress else { return }
            for (index, decision) in decided.enumerated() {
                follow(decision, waiting[index].piece, first + index * width, isLineEnd: waiting[index].isLineEnd)
            }
        }
        waiting.removeFirst(decided.count)
        states.removeFirst(decided.count * width)
    }

    private mutating func follow(
        _ decision: TagPath.Decision, _ piece: Int, _ state: UnsafePointer<Float>, isLineEnd: Bool
    ) {
        leastCertainty = min(leastCertainty, decision.probability)
        switch decision.tag {
        case .outside: end()
        case .begin:
            end()
            isOpen = true
        case .inside: break
        }
        guard isOpen else { return }
        certainty = min(certainty, decision.probability)
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

    /// Ends the open item, if there is one.
    private mutating func end() {
        if !pieces.isEmpty {
            items.append(Item(pieces: pieces, certainty: certainty))
            means += sum.lazy.map { [count = Float(pieces.count)] in $0 / count }
        }
        (isOpen, certainty, pieces) = (false, 1, 0..<0)
        clear(&sum)
        clear(&lineEnds)
    }

    private func add(_ state: UnsafePointer<Float>, to sum: inout [Float]) {
        for index in 0..<width { sum[index] += state[index] }
    }

    private func clear(_ sum: inout [Float]) {
        for index in 0..<width { sum[index] = 0 }
    }
}
