import CKernels

/// What an encoder computes with: read once, shared by all that compute with it.
///
/// `@unchecked Sendable`: nothing of it changes after `init`.
final class EncoderWeights: @unchecked Sendable {
    let shape: ModelCard.Encoder
    let kernels: winnow_kernels
    let embeddings: Embeddings
    let layers: [Layer]
    /// Of each head of the card.
    let ladders: [Ladder]
    /// `nil` where oneDNN's sums are not exact.
    let library: OneDNN?

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
        self.library = library
        embeddings = try Embeddings(&tensors, shape)
        layers = try (0..<shape.layers).map { index throws(ArtifactError) in
            try Layer(&tensors, index: index, shape, library: library)
        }
        ladders = try card.heads.map { head throws(ArtifactError) in
            try Ladder(&tensors, head, inputs: shape.hiddenSize)
        }
    }
}
