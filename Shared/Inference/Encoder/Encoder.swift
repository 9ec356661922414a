import CKernels

/// Token ids to logits: the arithmetic of infra/models/README.md.
///
/// Sequences of any length go through the linear layers side by side, without padding; attention looks at each alone.
/// Not safe for two threads at a time: they would share the workspace.
final class Encoder {
    let shape: ModelCard.Encoder
    let embeddings: Embeddings
    private let layers: [Layer]
    private let heads: [Projection]
    let workspace: Workspace
    let kernels: winnow_kernels
    var pooled: [Float] = []

    /// - Parameter kernels: which of the processor's kernel tables, 0 the widest.
    /// - Parameter exactLibrary: whether oneDNN may compute the products.
    init(
        _ tensors: inout TensorReader, _ card: ModelCard, _ shape: ModelCard.Encoder, kernels index: Int32 = 0,
        exactLibrary: Bool = OneDNN.isExact
    ) throws(ArtifactError) {
        guard let kernels = winnow_kernels_at(index) else {
            throw ArtifactError(.unsupported, tensors.path, "this processor has no kernels \(index)")
        }
        let library: OneDNN?
        do throws(InferenceError) {
            library = exactLibrary ? try OneDNN() : nil
        } catch {
            throw ArtifactError(.unsupported, tensors.path, error.message)
        }
        self.shape = shape
        self.kernels = kernels.pointee
        embeddings = try Embeddings(&tensors, shape)
        layers = try (0..<shape.layers).map { index throws(ArtifactError) in
            try Layer(&tensors, index: index, shape, library: library)
        }
        heads = try card.heads.map { head throws(ArtifactError) in
            try Projection(&tensors, head, inputs: shape.hiddenSize)
        }
        workspace = Workspace(shape)
    }

    /// Logits of every sequence, one row after another. `ids` holds the sequences end to end.
    func logits(_ ids: [Int32], lengths: [Int], head: Int) throws(InferenceError) -> [Float] {
        winnow_single_thread()
        let width = shape.hiddenSize
        pooled.removeAll(keepingCapacity: true)
        pooled.append(contentsOf: repeatElement(0, count: lengths.count * width))
        var first = 0, start = 0
        while first < lengths.count {
            var last = first, tokens = 0
            while last < lengths.count, last == first || tokens + lengths[last] <= Workspace.chunk {
                tokens += lengths[last]
                last += 1
            }
            try forward(ids, from: start, lengths[first..<last], tokens: tokens)
            (first, start) = (last, start + tokens)
        }
        return heads[head].logits(pooled, rows: lengths.count, kernels)
    }

    /// One chunk of whole sequences, pooled.
    private func forward(
        _ ids: [Int32], from start: Int, _ lengths: ArraySlice<Int>, tokens: Int
    ) throws(InferenceError) {
        embed(ids, from: start, lengths)
        for (index, layer) in layers.enumerated() {
            try layer.qkv.run(tokens, workspace.quantized, workspace.sums, kernels)
            attend(layer, lengths)
            try layer.output.run(tokens, workspace.quantized, workspace.sums, kernels)
            addAndNormalize(layer.output, layer.attentionNorm, tokens)
            try layer.up.run(tokens, workspace.quantized, workspace.sums, kernels)
            applyGELU(layer, tokens)
            try layer.down.run(tokens, workspace.quantized, workspace.sums, kernels)
            addAndNormalize(layer.down, layer.feedForwardNorm, tokens, quantizes: index + 1 < layers.count)
        }
        pool(lengths, into: &pooled)
    }
}
