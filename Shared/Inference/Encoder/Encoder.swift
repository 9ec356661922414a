import CKernels

/// Token ids to logits: the arithmetic of infra/models/README.md.
///
/// Sequences of any length go through the linear layers side by side, without padding; attention looks at each alone.
/// Not safe for two threads at a time: they would share the workspace.
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

    /// Logits of every sequence, one row after another. `ids` holds the sequences end to end.
    func logits(_ ids: [Int32], lengths: [Int], head: Int) throws(InferenceError) -> [Float] {
        var logits: [Float] = []
        try eachChunk(ids, lengths, layers: weights.depths[head]) { states, count in
            logits += weights.heads[head].logits(states, rows: count, kernels)
        }
        return logits
    }

    /// The mean state of every sequence after all layers, one row after another.
    func states(_ ids: [Int32], lengths: [Int]) throws(InferenceError) -> [Float] {
        var all: [Float] = []
        try eachChunk(ids, lengths, layers: shape.layers) { states, _ in all += states }
        return all
    }

    private func eachChunk(
        _ ids: [Int32], _ lengths: [Int], layers: Int, _ body: (_ states: [Float], _ count: Int) -> Void
    ) throws(InferenceError) {
        winnow_single_thread()
        var first = 0, start = 0
        while first < lengths.count {
            var last = first, tokens = 0
            while last < lengths.count, last == first || tokens + lengths[last] <= Workspace.chunk {
                tokens += lengths[last]
                last += 1
            }
            try forward(ids, from: start, lengths[first..<last], tokens: tokens, layers: layers)
            body(pooled, last - first)
            (first, start) = (last, start + tokens)
        }
    }

    /// One chunk of whole sequences through the first layers, into `pooled`.
    private func forward(
        _ ids: [Int32], from start: Int, _ lengths: ArraySlice<Int>, tokens: Int, layers: Int
    ) throws(InferenceError) {
        embed(ids, from: start, lengths)
        for (index, layer) in weights.layers.prefix(layers).enumerated() {
            try layer.qkv.run(tokens, workspace.quantized, workspace.sums, kernels, library)
            attend(layer, lengths)
            try layer.output.run(tokens, workspace.quantized, workspace.sums, kernels, library)
            addAndNormalize(layer.output, layer.attentionNorm, 0..<tokens)
            // Rows do not look at each other from here on: as many as a product takes go through all of it.
            for first in stride(from: 0, to: tokens, by: Linear.widestBlock) {
                let rows = first..<min(first + Linear.widestBlock, tokens)
                let input = workspace.quantized + first * shape.hiddenSize
                try layer.up.run(rows.count, input, workspace.sums, kernels, library)
                applyGELU(layer, rows)
                try layer.down.run(rows.count, workspace.inner, workspace.sums, kernels, library)
                addAndNormalize(layer.down, layer.feedForwardNorm, rows, quantizes: index + 1 < layers)
            }
        }
        pooled.removeAll(keepingCapacity: true)
        pooled.append(contentsOf: repeatElement(0, count: lengths.count * shape.hiddenSize))
        pool(lengths, into: &pooled)
    }
}
