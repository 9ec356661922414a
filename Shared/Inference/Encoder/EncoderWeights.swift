import CKernels

/// The weights of an encoder, read once and shared by all encoders of the model.
///
/// `@unchecked Sendable`: nothing changes after `init`.
final class EncoderWeights: @unchecked Sendable {
    let shape: ModelCard.Encoder
    let kernels: winnow_kernels
    let embeddings: Embeddings
    let layers: [Layer]
    /// The exits of each head of the card.
    let exits: [HeadExits]
    /// The tags of each token: outside, begin, inside. `nil` for a model that reads only texts.
    let tags: Projection?
    /// `nil` if oneDNN's sums are not exact.
    let library: OneDNN?

    /// - Parameter kernels: the index of the kernel table; 0 is the widest that the processor supports.
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
        embeddings = try Embeddings(&tensors, shape, hasMarks: card.reading != nil)
        layers = try (0..<shape.layers).map { index throws(ArtifactError) in
            try Layer(&tensors, index: index, shape, library: library)
        }
        exits = try card.heads.map { head throws(ArtifactError) in
            try HeadExits(&tensors, head, inputs: shape.hiddenSize)
        }
        tags = try card.reading.map { _ throws(ArtifactError) in
            try Projection(&tensors, "tags", labels: ItemTag.allCases.count, inputs: shape.hiddenSize)
        }
    }
}

/// The embeddings of words (int8, with one scale for each row), of positions and of marks (f32), and their LayerNorm.
final class Embeddings {
    let words: UnsafeMutablePointer<Int8>
    let scales: UnsafeMutablePointer<Float>
    let positions: UnsafeMutablePointer<Float>
    /// One row for each `PieceMark`; `nil` for a model that reads only texts.
    let marks: UnsafeMutablePointer<Float>?
    let norm: Norm

    init(_ tensors: inout TensorReader, _ shape: ModelCard.Encoder, hasMarks: Bool) throws(ArtifactError) {
        let rows = try tensors.int8("embeddings.word.weight", [shape.vocabularySize, shape.hiddenSize])
        let scale = try tensors.scales("embeddings.word.scale", count: shape.vocabularySize)
        let position = try tensors.floats("embeddings.position.weight", [shape.positions, shape.hiddenSize])
        let mark = hasMarks ? try tensors.floats("embeddings.mark.weight", [PieceMark.count, shape.hiddenSize]) : []
        norm = try Norm(&tensors, "embeddings.norm", shape)
        words = .allocate(capacity: rows.count)
        scales = .allocate(capacity: scale.count)
        positions = .allocate(capacity: position.count)
        marks = hasMarks ? .allocate(capacity: mark.count) : nil
        _ = UnsafeMutableBufferPointer(start: words, count: rows.count).update(from: rows)
        scales.update(from: scale, count: scale.count)
        positions.update(from: position, count: position.count)
        marks?.update(from: mark, count: mark.count)
    }

    deinit {
        words.deallocate()
        scales.deallocate()
        positions.deallocate()
        marks?.deallocate()
    }
}

/// The parameters of one post-norm transformer layer.
struct Layer {
    let qkv: Linear
    let output: Linear
    let attentionNorm: Norm
    let up: Linear
    let down: Linear
    let feedForwardNorm: Norm

    init(
        _ tensors: inout TensorReader, index: Int, _ shape: ModelCard.Encoder, library: OneDNN?
    ) throws(ArtifactError) {
        let name = "layers.\(index)", hidden = shape.hiddenSize, attention = shape.attentionSize
        qkv = try Linear(
            &tensors, "\(name).attention.qkv", inputs: hidden, outputs: 3 * attention, library: library)
        output = try Linear(
            &tensors, "\(name).attention.output", inputs: attention, outputs: hidden, library: library)
        attentionNorm = try Norm(&tensors, "\(name).attention.norm", shape)
        up = try Linear(
            &tensors, "\(name).feedForward.up", inputs: hidden, outputs: shape.feedForwardSize, library: library)
        down = try Linear(
            &tensors, "\(name).feedForward.down", inputs: shape.feedForwardSize, outputs: hidden, library: library)
        feedForwardNorm = try Norm(&tensors, "\(name).feedForward.norm", shape)
    }
}

/// A LayerNorm's parameters, at stable addresses.
final class Norm {
    private let values: UnsafeMutablePointer<Float>
    private let width: Int
    private let epsilon: Float

    init(_ tensors: inout TensorReader, _ name: String, _ shape: ModelCard.Encoder) throws(ArtifactError) {
        let weight = try tensors.floats("\(name).weight", [shape.hiddenSize])
        let bias = try tensors.floats("\(name).bias", [shape.hiddenSize])
        width = shape.hiddenSize
        epsilon = Float(shape.layerNormEpsilon)
        values = .allocate(capacity: 2 * width)
        values.update(from: weight + bias, count: 2 * width)
    }

    deinit { values.deallocate() }

    var parameters: winnow_norm { winnow_norm(weight: values, bias: values + width, epsilon: epsilon) }
}

/// The weights of a task's head or of one of its exits: one f32 row for each label, applied to the pooled vector.
struct Projection: Sendable {
    private let weight: [Float]
    private let bias: [Float]
    private let inputs: Int

    var labels: Int { bias.count }

    /// - Parameter weight: one row of `inputs` numbers for each number of `bias`.
    init(weight: [Float], bias: [Float], inputs: Int) {
        self.weight = weight
        self.bias = bias
        self.inputs = inputs
    }

    init(_ tensors: inout TensorReader, _ name: String, labels: Int, inputs: Int) throws(ArtifactError) {
        do throws(ArtifactError) {
            weight = try tensors.floats("\(name).weight", [labels, inputs])
            bias = try tensors.floats("\(name).bias", [labels])
        } catch  where error.code == .dimensions {
            throw ArtifactError(.labels, error.file, error.message)
        }
        self.inputs = inputs
    }

    /// - Parameter pooled: `rows` rows, one after another.
    func logits(_ pooled: UnsafePointer<Float>, rows: Int, _ kernels: winnow_kernels) -> [Float] {
        [Float](unsafeUninitializedCapacity: rows * bias.count) { buffer, count in
            kernels.linear(
                pooled, weight, bias, Int32(rows), Int32(bias.count), Int32(inputs), buffer.baseAddress)
            count = rows * bias.count
        }
    }
}

/// The buffers of the layers, allocated once for the largest chunk. Calls allocate nothing. The buffers are not zeroed,
/// and no step reads what was not written, so memory pages beyond the longest sequence so far are never committed.
final class Workspace {
    /// The number of tokens that pass the layers together, in whole sequences. It is chosen so that their int32 sums
    /// fit into the second-level cache.
    static let chunk = 128

    let capacity: Int
    let sums: UnsafeMutablePointer<Int32>
    /// The input of the next product, for all rows.
    let quantized: UnsafeMutablePointer<UInt8>
    /// The activations within the feed-forward layer, for one block of rows.
    let inner: UnsafeMutablePointer<UInt8>
    /// One scale for each token.
    let scales: UnsafeMutablePointer<Float>
    /// The residual stream.
    let hidden: UnsafeMutablePointer<Float>
    /// The attention output of a sequence, or one row of the feed-forward layer.
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

/// The points at which a text can leave the model with an answer: the early exits of a task in ascending order of
/// layers, and last the head (`infra/decisions/0023-early-exits.md`).
struct HeadExits {
    /// An early exit, or the head.
    struct Point {
        /// The number of layers that run before this point.
        let layers: Int
        let projection: Projection
        /// The lowest confidence at which a text leaves here; `nil` for the head, where every text leaves.
        let from: Double?
        /// Above 0 for a text that is unlike all that the model was made for; `nil` without a guard.
        let unfamiliarity: Projection?
    }

    let head: ModelCard.Head
    let points: [Point]

    init(_ tensors: inout TensorReader, _ head: ModelCard.Head, inputs: Int) throws(ArtifactError) {
        self.head = head
        let exits = try head.exits.map { exit throws(ArtifactError) in
            try Point(
                &tensors, "exits.\(exit.layers).\(head.route)", head, layers: exit.layers, from: exit.from,
                inputs: inputs)
        }
        points =
            exits + [
                try Point(&tensors, "heads.\(head.route)", head, layers: head.layers, from: nil, inputs: inputs)
            ]
    }
}

extension HeadExits.Point {
    fileprivate init(
        _ tensors: inout TensorReader, _ name: String, _ head: ModelCard.Head, layers: Int, from: Double?, inputs: Int
    ) throws(ArtifactError) {
        (self.layers, self.from) = (layers, from)
        projection = try Projection(&tensors, name, labels: head.labels.count, inputs: inputs)
        unfamiliarity = head.hasGuard ? try Projection(&tensors, "guards.\(name)", labels: 1, inputs: inputs) : nil
    }
}
