import CKernels

/// What the layers write and read, allocated once for the largest chunk; nothing is allocated per call. No step reads what
/// none has written, so the pages of sequences that never come stay untouched.
final class Workspace {
    /// Tokens that go through the layers at once: whole sequences, as many as the second cache holds the sums of.
    static let chunk = 128

    let capacity: Int
    let sums: UnsafeMutablePointer<Int32>
    /// What the next product of all rows reads.
    let quantized: UnsafeMutablePointer<UInt8>
    /// The activations within the feed-forward layer, of one block of rows.
    let inner: UnsafeMutablePointer<UInt8>
    /// One scale a token.
    let scales: UnsafeMutablePointer<Float>
    /// The residual stream.
    let hidden: UnsafeMutablePointer<Float>
    /// A sequence's attention output, or one row of the feed-forward layer.
    let mixed: UnsafeMutablePointer<Float>
    let attention: UnsafeMutablePointer<Float>
    private let block: UnsafeMutableRawPointer

    init(_ shape: ModelCard.Encoder) {
        let rows = max(Self.chunk, shape.positions)
        capacity = (rows + Linear.granularity - 1) / Linear.granularity * Linear.granularity
        let widest = max(3 * shape.attentionSize, shape.hiddenSize), inside = Linear.widestBlock * shape.feedForwardSize
        let quantizedBytes = capacity * max(shape.hiddenSize, shape.attentionSize)
        let attentionFloats = winnow_attention_scratch(Int32(shape.positions), Int32(shape.headSize))
        let sizes = [
            4 * max(capacity * widest, inside), quantizedBytes, inside, 4 * capacity, 4 * capacity * shape.hiddenSize,
            4 * max(shape.positions * shape.attentionSize, shape.feedForwardSize), 4 * attentionFloats,
        ].map { ($0 + 63) & ~63 }
        block = .allocate(byteCount: sizes.reduce(0, +), alignment: 64)
        var starts: [UnsafeMutableRawPointer] = []
        var offset = 0
        for size in sizes {
            starts.append(block + offset)
            offset += size
        }
        sums = starts[0].bindMemory(to: Int32.self, capacity: sizes[0] / 4)
        quantized = starts[1].bindMemory(to: UInt8.self, capacity: quantizedBytes)
        inner = starts[2].bindMemory(to: UInt8.self, capacity: inside)
        scales = starts[3].bindMemory(to: Float.self, capacity: capacity)
        hidden = starts[4].bindMemory(to: Float.self, capacity: capacity * shape.hiddenSize)
        mixed = starts[5].bindMemory(to: Float.self, capacity: sizes[5] / 4)
        attention = starts[6].bindMemory(to: Float.self, capacity: attentionFloats)
    }

    deinit { block.deallocate() }
}
