import Contracts

extension ModelCard {
    /// How an item reader divides a source into windows.
    public struct Reading: Sendable, Equatable {
        /// The most tokens of a window, including context and special tokens.
        public let window: Int
        /// The distance between the first pieces of neighbouring windows.
        public let stride: Int
        /// The most pieces of the request's own text that stand before the pieces of other windows.
        public let context: Int
        /// The probability of the least sure tag from which a reader is sure of where an item is.
        public let sureFrom: Double?

        /// The tokens of a window that are no pieces: `[CLS]`, the context's `[SEP]`, and the last `[SEP]`.
        static let specials = 3
    }
}

extension ModelCard.Reading {
    /// - Throws: also if a stride is longer than what a window holds besides its context, because pieces would be skipped,
    ///   or not longer than the context and its separator, because the own text's second window would not end behind its
    ///   first, which has neither.
    init(
        _ reading: ArtifactJSON, _ encoder: ModelCard.Encoder, _ heads: [ModelCard.Head]
    ) throws(ArtifactError) {
        window = try reading.integer("window", in: Self.specials + 1...4096)
        context = try reading.integer("context", in: 0...window - Self.specials - 1)
        stride = try reading.integer("stride", in: 2...max(2, window - Self.specials))
        guard context + 1 < stride, stride <= window - Self.specials - context else {
            throw reading.fault("reading.stride is not longer than context and separator, or leaves pieces unread")
        }
        sureFrom = try reading.optional("sureFrom").map { member throws(ArtifactError) in try member.number() }
        guard sureFrom.map({ 0...1 ~= $0 }) ?? true else { throw reading.fault("reading.sureFrom is no probability") }
        guard window <= encoder.positions else { throw reading.fault("reading.window exceeds encoder.positions") }
        guard let head = heads.first(where: { $0.route == .decomposition }), case .multiLabel = head.kind,
            head.exits.isEmpty, head.layers == encoder.layers, head.maxTokens == window
        else {
            throw reading.fault(
                "an item reader has no head for \(Route.decomposition) that is multi-label, after all layers, without"
                    + " exits, and with the window as its maxTokens")
        }
    }
}

/// A part of a source with everything that is read with it.
struct SourceWindow: Equatable {
    /// The pieces of the source that the window holds.
    let pieces: Range<Int>
    /// The pieces whose state comes from this window, because no other holds more of their neighbours on both sides.
    let owned: Range<Int>
    /// The pieces of the request's own text that stand in front. They keep their order.
    let context: [Range<Int>]

    /// The token at which the window's pieces begin.
    var first: Int { context.isEmpty ? 1 : context.reduce(2) { $0 + $1.count } }

    /// The number of tokens, including special ones.
    var tokens: Int { first + pieces.count + 1 }
}

extension SourceWindow {
    /// Returns the windows of a source of `count` pieces. The first window of the request's own text has no context,
    /// because it begins with it. An attachment's windows have the beginning and the end of the own text, since an
    /// instruction stands at one of them.
    /// - Parameter own: the number of pieces of the request's own text; `nil` if the source is that text.
    static func windows(_ reading: ModelCard.Reading, count: Int, own: Int?) -> [SourceWindow] {
        let size = min(own ?? count, reading.context)
        let tail = own.map { $0 > reading.context ? reading.context * 3 / 8 : 0 } ?? 0
        let whole = [0..<size - tail, (own ?? size) - tail..<(own ?? size)].filter { !$0.isEmpty }
        var parts: [(pieces: Range<Int>, context: [Range<Int>])] = []
        var start = 0
        while start < count {
            let context = own == nil && start == 0 ? [] : whole
            let read = context.reduce(0) { $0 + $1.count }
            let room = reading.window - (read > 0 ? ModelCard.Reading.specials + read : ModelCard.Reading.specials - 1)
            parts.append((start..<min(start + room, count), context))
            if start + room >= count { break }
            start += reading.stride
        }
        return parts.indices.map { index in
            let (pieces, context) = parts[index]
            // Half of an overlap belongs to each of its windows. The middle piece belongs to the first.
            let low = index == 0 ? 0 : (parts[index - 1].pieces.upperBound + pieces.lowerBound + 1) / 2
            let high =
                index + 1 == parts.count ? count : (pieces.upperBound + parts[index + 1].pieces.lowerBound + 1) / 2
            return SourceWindow(pieces: pieces, owned: low..<high, context: context)
        }
    }

    /// Appends the window's tokens.
    func append(
        _ source: SourcePieces, own: SourcePieces, _ vocabulary: Vocabulary, to ids: inout [Int32],
        _ marks: inout [UInt8]
    ) {
        ids.append(vocabulary.first)
        marks.append(0)
        for range in context {
            ids += own.ids[range]
            marks += own.marks[range].lazy.map { $0.union(.context).rawValue }
        }
        if !context.isEmpty {
            ids.append(vocabulary.last)
            marks.append(PieceMark.context.rawValue)
        }
        ids += source.ids[pieces]
        marks += source.marks[pieces].lazy.map(\.rawValue)
        ids.append(vocabulary.last)
        marks.append(0)
    }
}
