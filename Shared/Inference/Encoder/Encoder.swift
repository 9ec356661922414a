import CKernels

/// Computes answers from token ids, as infra/models/README.md defines.
///
/// Sequences of any length pass the linear layers together, without padding. Attention handles each sequence alone. Two
/// threads may not use it at the same time, because they would share the workspace.
final class Encoder {
    let weights: EncoderWeights
    let workspace: Workspace
    private var pooled: [Float] = []
    private let library: OneDNN?

    init(_ weights: EncoderWeights) throws(InferenceError) {
        self.weights = weights
        library = try weights.library.map { whole throws(InferenceError) in try OneDNN(sharing: whole) }
        workspace = Workspace(weights.shape)
    }

    var shape: ModelCard.Encoder { weights.shape }
    var kernels: winnow_kernels { weights.kernels }
    var embeddings: Embeddings { weights.embeddings }

    /// The results of a task's exits for some sequences.
    struct Reading {
        /// One row for each sequence.
        var logits: [Float]
        /// One decision for each row.
        var decisions: [ModelCard.Head.Decision]
        /// The number of the exit that answered each sequence.
        var exits: [Int]
        /// Whether the guard of the exit or head does not know texts like it.
        var isUnfamiliar: [Bool]
    }

    /// `ids` contains the sequences one after another.
    /// - Parameter leavesEarly: if false, no sequence leaves at an early exit.
    func read(
        _ ids: [Int32], lengths: [Int], head: Int, leavesEarly: Bool = true
    ) throws(InferenceError) -> Reading {
        let exits = weights.exits[head], width = exits.head.labels.count
        var reading = Reading(
            logits: [Float](repeating: 0, count: lengths.count * width),
            decisions: [ModelCard.Head.Decision](repeating: ("", 0, []), count: lengths.count),
            exits: [Int](repeating: 0, count: lengths.count),
            isUnfamiliar: [Bool](repeating: false, count: lengths.count))
        try eachChunk(ids, lengths) { chunk throws(InferenceError) in
            try visit(exits, chunk, leavesEarly: leavesEarly) { sequence, exit, row, decision, isUnfamiliar in
                (reading.exits[sequence], reading.decisions[sequence]) = (exit, decision)
                reading.isUnfamiliar[sequence] = isUnfamiliar
                reading.logits.replaceSubrange((sequence * width)..<((sequence + 1) * width), with: row)
            }
        }
        return reading
    }

    /// Returns the mean state of every sequence after the first layers, one row after another.
    func states(_ ids: [Int32], lengths: [Int], layers: Int) throws(InferenceError) -> [Float] {
        var all: [Float] = []
        try eachChunk(ids, lengths) { chunk throws(InferenceError) in
            embed(ids, from: chunk.start, chunk.lengths)
            try run(0..<layers, chunk.lengths, isLast: true)
            pool(chunk.lengths, into: &pooled)
            all += pooled
        }
        return all
    }

    /// Lends the state of every token of each sequence after all layers, in the order of the sequences.
    /// - Parameters:
    ///   - marks: the mark of each id.
    ///   - body: called once for each sequence, with its number and the states of its tokens, one row after another.
    func tokenStates(
        _ ids: [Int32], marks: [UInt8], lengths: [Int],
        _ body: (_ sequence: Int, _ states: UnsafePointer<Float>) -> Void
    ) throws(InferenceError) {
        try eachChunk(ids, lengths) { chunk throws(InferenceError) in
            embed(ids, marks: marks, from: chunk.start, chunk.lengths)
            try run(0..<shape.layers, chunk.lengths, isLast: true)
            var sequence = chunk.lengths.startIndex
            eachSequence(chunk.lengths) { row, _ in
                body(sequence, workspace.hidden + row * shape.hiddenSize)
                sequence += 1
            }
        }
    }

    /// Whole sequences that pass the layers together.
    private struct Chunk {
        let ids: [Int32]
        /// The index of the chunk's first id.
        let start: Int
        /// The lengths, indexed by the number of the sequence.
        let lengths: ArraySlice<Int>
    }

    private func eachChunk(
        _ ids: [Int32], _ lengths: [Int], _ body: (Chunk) throws(InferenceError) -> Void
    ) throws(InferenceError) {
        winnow_single_thread()
        var first = 0, start = 0
        while first < lengths.count {
            var last = first, tokens = 0
            while last < lengths.count, last == first || tokens + lengths[last] <= Workspace.chunk {
                tokens += lengths[last]
                last += 1
            }
            try body(Chunk(ids: ids, start: start, lengths: lengths[first..<last]))
            (first, start) = (last, start + tokens)
        }
    }

    /// Computes the layers for a chunk of sequences. At each exit, those that are sure enough leave, unless the exit's
    /// guard does not know texts like them.
    /// - Parameter answer: called once for each sequence, with its number, its exit's number, its logits, the decision, and
    ///   whether it is unfamiliar.
    private func visit(
        _ exits: HeadExits, _ chunk: Chunk, leavesEarly: Bool,
        _ answer: (
            _ sequence: Int, _ exit: Int, _ row: ArraySlice<Float>, _ decision: ModelCard.Head.Decision,
            _ isUnfamiliar: Bool
        ) -> Void
    ) throws(InferenceError) {
        embed(chunk.ids, from: chunk.start, chunk.lengths)
        var staying = Array(chunk.lengths.indices), lengths = chunk.lengths[...]
        var done = 0
        for (number, exit) in exits.points.enumerated() where !staying.isEmpty {
            if exit.from != nil, !leavesEarly { continue }
            try run(done..<exit.layers, lengths, isLast: exit.from == nil)
            done = exit.layers
            pool(lengths, into: &pooled)
            let logits = exit.projection.logits(pooled, rows: staying.count, kernels)
            let unfamiliarity = exit.unfamiliarity?.logits(pooled, rows: staying.count, kernels)
            let width = exits.head.labels.count
            var kept: [Bool] = []
            for (index, sequence) in staying.enumerated() {
                let row = logits[(index * width)..<((index + 1) * width)]
                let decision = exits.head.decide(row)
                let isUnfamiliar = unfamiliarity.map { $0[index] > 0 } ?? false
                let leaves = exit.from.map { decision.confidence >= $0 && !isUnfamiliar } ?? true
                if leaves { answer(sequence, number, row, decision, isUnfamiliar) }
                kept.append(!leaves)
            }
            guard exit.from != nil else { return }
            keep(kept, of: lengths)
            lengths = zip(lengths, kept).filter(\.1).map(\.0)[...]
            staying = zip(staying, kept).filter(\.1).map(\.0)
        }
    }

    /// Passes the sequences of the workspace through a range of layers.
    /// - Parameter isLast: whether no layer follows.
    private func run(
        _ range: Range<Int>, _ lengths: ArraySlice<Int>, isLast: Bool
    ) throws(InferenceError) {
        let tokens = lengths.reduce(0, +)
        for index in range {
            let layer = weights.layers[index]
            try layer.qkv.run(tokens, workspace.quantized, workspace.sums, kernels, library)
            attend(layer, lengths)
            try layer.output.run(tokens, workspace.quantized, workspace.sums, kernels, library)
            addAndNormalize(layer.output, layer.attentionNorm, 0..<tokens)
            // From here on rows are independent, so a block of rows that fits one product passes all steps together.
            for first in stride(from: 0, to: tokens, by: Linear.widestBlock) {
                let rows = first..<min(first + Linear.widestBlock, tokens)
                let input = workspace.quantized + first * shape.hiddenSize
                try layer.up.run(rows.count, input, workspace.sums, kernels, library)
                applyGELU(layer, rows)
                try layer.down.run(rows.count, workspace.inner, workspace.sums, kernels, library)
                addAndNormalize(
                    layer.down, layer.feedForwardNorm, rows, quantizes: !isLast || index + 1 < range.upperBound)
            }
        }
    }
}

extension Encoder {
    /// - Parameter marks: the mark of each id; empty for texts, which are read without marks.
    func embed(_ ids: [Int32], marks: [UInt8] = [], from start: Int, _ lengths: ArraySlice<Int>) {
        ids.withUnsafeBufferPointer { ids in
            marks.withUnsafeBufferPointer { marks in
                guard let ids = ids.baseAddress else { return }
                let rows = marks.isEmpty ? nil : embeddings.marks
                eachSequence(lengths) { row, length in
                    let first = start + row
                    kernels.embed(
                        embeddings.words, embeddings.scales, embeddings.positions,
                        winnow_marks(rows: rows, marks: marks.baseAddress.map { $0 + first }),
                        embeddings.norm.parameters, ids + first, Int32(length), Int32(shape.hiddenSize),
                        winnow_rows(
                            values: workspace.hidden + row * shape.hiddenSize,
                            quantized: workspace.quantized + row * shape.hiddenSize, scales: workspace.scales + row))
                }
            }
        }
    }

    func attend(_ layer: Layer, _ lengths: ArraySlice<Int>) {
        let width = shape.attentionSize
        eachSequence(lengths) { row, length in
            kernels.attention(
                workspace.sums + row * 3 * width, layer.qkv.dequant, workspace.scales + row, Int32(length),
                Int32(shape.headCount), Int32(shape.headSize), workspace.attention,
                winnow_rows(
                    values: workspace.mixed, quantized: workspace.quantized + row * width,
                    scales: workspace.scales + row))
        }
    }

    /// - Parameters:
    ///   - rows: rows of the chunk. Their sums are at the start of the buffer.
    ///   - quantizes: false if no product follows.
    func addAndNormalize(_ linear: Linear, _ norm: Norm, _ rows: Range<Int>, quantizes: Bool = true) {
        let start = rows.lowerBound * shape.hiddenSize, scales = workspace.scales + rows.lowerBound
        kernels.residual_norm(
            workspace.sums, linear.dequant, scales, norm.parameters, Int32(rows.count), Int32(shape.hiddenSize),
            winnow_rows(
                values: workspace.hidden + start, quantized: quantizes ? workspace.quantized + start : nil,
                scales: scales))
    }

    func applyGELU(_ layer: Layer, _ rows: Range<Int>) {
        let scales = workspace.scales + rows.lowerBound
        kernels.gelu(
            workspace.sums, layer.up.dequant, scales, Int32(rows.count), Int32(shape.feedForwardSize),
            winnow_rows(values: workspace.mixed, quantized: workspace.inner, scales: scales))
    }

    /// Compacts the rows of the remaining sequences, and discards the others.
    func keep(_ kept: [Bool], of lengths: ArraySlice<Int>) {
        let width = shape.hiddenSize
        var next = 0, row = 0
        for (length, stays) in zip(lengths, kept) {
            if stays, next != row {
                let (hidden, quantized, scales) = (workspace.hidden, workspace.quantized, workspace.scales)
                (hidden + next * width).update(from: hidden + row * width, count: length * width)
                (quantized + next * width).update(from: quantized + row * width, count: length * width)
                (scales + next).update(from: scales + row, count: length)
            }
            if stays { next += length }
            row += length
        }
    }

    /// Computes the mean state of each sequence of the chunk.
    func pool(_ lengths: ArraySlice<Int>, into pooled: inout [Float]) {
        let width = shape.hiddenSize
        pooled.removeAll(keepingCapacity: true)
        pooled.append(contentsOf: repeatElement(0, count: lengths.count * width))
        pooled.withUnsafeMutableBufferPointer { pooled in
            guard var next = pooled.baseAddress else { return }
            eachSequence(lengths) { row, length in
                kernels.mean(workspace.hidden + row * width, Int32(length), Int32(width), next)
                next += width
            }
        }
    }

    private func eachSequence(_ lengths: ArraySlice<Int>, _ body: (_ row: Int, _ length: Int) -> Void) {
        var row = 0
        for length in lengths {
            body(row, length)
            row += length
        }
    }
}
