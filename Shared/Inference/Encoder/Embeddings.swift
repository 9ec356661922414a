/// Word rows in int8 with a scale each, positions in f32, and their LayerNorm.
final class Embeddings {
    let words: UnsafeMutablePointer<Int8>
    let scales: UnsafeMutablePointer<Float>
    let positions: UnsafeMutablePointer<Float>
    let norm: Norm

    init(_ tensors: inout TensorReader, _ shape: ModelCard.Encoder) throws(ArtifactError) {
        let rows = try tensors.int8("embeddings.word.weight", [shape.vocabularySize, shape.hiddenSize])
        let scale = try tensors.scales("embeddings.word.scale", count: shape.vocabularySize)
        let position = try tensors.floats("embeddings.position.weight", [shape.positions, shape.hiddenSize])
        norm = try Norm(&tensors, "embeddings.norm", shape)
        words = .allocate(capacity: rows.count)
        scales = .allocate(capacity: scale.count)
        positions = .allocate(capacity: position.count)
        _ = UnsafeMutableBufferPointer(start: words, count: rows.count).update(from: rows)
        scales.update(from: scale, count: scale.count)
        positions.update(from: position, count: position.count)
    }

    deinit {
        words.deallocate()
        scales.deallocate()
        positions.deallocate()
    }
}
