import CKernels

/// What the layers write and read, allocated once for the largest chunk; nothing is allocated per call. No step reads what
/// none has written, so the pages of sequences that never come stay untouched.
final class Workspace {
    /// Tokens that go through the layers at once. Weights are read once a chunk, so it should be long; the sums of the
    /// widest product should stay in the second cache, so it should be short.
    static let chunk = 128

    let capacity: Int
    let sums: UnsafeMutablePointer<Int32>
    let quantized: UnsafeMutablePointer<UInt8>
    /// One scale a token.
    let scales: UnsafeMutablePointer<Float>
    /// The residual stream.
    let hidden: UnsafeMutablePointer<Float>
    /// A sequence's attention output, or one row of the feed-forward layer.
    let mixed: UnsafeMutablePointer<Float>
    let attention: UnsafeMutablePointer<Float>
    private let block: UnsafeMutableRawPointer

    init(_ shape: ModelCard.Encoder) {
        capacity = max(Self.chunk, shape.positions)
        let widest = max(shape.feedForwardSize, 3 * shape.attentionSize, shape.hiddenSize)
        let attentionFloats = winnow_attention_scratch(Int32(shape.positions), Int32(shape.headSize))
        let sizes = [
            4 * capacity * widest, capacity * widest, 4 * capacity, 4 * capacity * shape.hiddenSize,
            4 * max(shape.positions * shape.attentionSize, shape.feedForwardSize), 4 * attentionFloats,
        ].map { ($0 + 63) & ~63 }
        block = .allocate(byteCount: sizes.reduce(0, +), alignment: 64)
        var starts: [UnsafeMutableRawPointer] = []
        var offset = 0
        for size in sizes {
            starts.append(block + offset)
            offset += size
        }
        sums = starts[0].bindMemory(to: Int32.self, capacity: capacity * widest)
        quantized = starts[1].bindMemory(to: UInt8.self, capacity: capacity * widest)
        scales = starts[2].bindMemory(to: Float.self, capacity: capacity)
        hidden = starts[3].bindMemory(to: Float.self, capacity: capacity * shape.hiddenSize)
        mixed = starts[4].bindMemory(to: Float.self, capacity: sizes[4] / 4)
        attention = starts[5].bindMemory(to: Float.self, capacity: attentionFloats)
    }

    deinit { block.deallocate() }
}
