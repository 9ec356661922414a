import CKernels

/// One int8 linear layer: the product, and what its sums need to become f32 again.
final class Linear {
    let inputs: Int
    let outputs: Int
    private let backend: Backend
    /// Offsets, scales and biases of the output channels in one block, so that their addresses stay.
    private let offsets: UnsafeMutablePointer<Int32>
    private let scales: UnsafeMutablePointer<Float>

    private enum Backend {
        case oneDNN(PackedWeights)
        case kernels(UnsafeMutablePointer<Int8>)
    }

    /// The rows of the next product when `left` are to do. A product is compiled for its row count and takes some 35 kB:
    /// seven counts make up every other, with at most three rows at the end in vain.
    static func block(_ left: Int) -> Int {
        switch left {
        case ..<3: left
        case ..<5: 4
        case ..<16: 8
        case ..<32: 16
        case ..<64: 32
        default: widestBlock
        }
    }

    static let widestBlock = 64
    /// What buffers are a multiple of, so that rows in vain are within them.
    static let granularity = 8

    /// - Parameter library: `nil` where oneDNN's sums are not exact.
    init(
        _ tensors: inout TensorReader, _ name: String, inputs: Int, outputs: Int, library: OneDNN?
    ) throws(ArtifactError) {
        let weights = try tensors.int8("\(name).weight", [outputs, inputs])
        let scale = try tensors.scales("\(name).scale", count: outputs)
        let bias = try tensors.floats("\(name).bias", [outputs])
        (self.inputs, self.outputs) = (inputs, outputs)
        do throws(InferenceError) {
            backend = try Self.backend(weights, inputs: inputs, outputs: outputs, library: library)
        } catch {
            throw ArtifactError(.unsupported, tensors.path, "\(name): \(error.message)")
        }
        offsets = .allocate(capacity: outputs)
        scales = .allocate(capacity: 2 * outputs)
        for output in 0..<outputs {
            let row = weights[(output * inputs)..<((output + 1) * inputs)]
            offsets[output] = 128 * row.reduce(0) { $0 + Int32($1) }
            scales[output] = scale[output]
            scales[outputs + output] = bias[output]
        }
    }

    deinit {
        offsets.deallocate()
        scales.deallocate()
        if case .kernels(let weights) = backend { weights.deallocate() }
    }

    var dequant: winnow_dequant { winnow_dequant(offset: offsets, scale: scales, bias: scales + outputs) }

    /// `sums[rows, outputs]` of the quantized `input[rows, inputs]`; up to `granularity` rows are read and written.
    /// - Parameter library: shares the engine of the one that packed the weights.
    func run(
        _ rows: Int, _ input: UnsafeMutablePointer<UInt8>, _ sums: UnsafeMutablePointer<Int32>,
        _ kernels: winnow_kernels, _ library: OneDNN?
    ) throws(InferenceError) {
        switch backend {
        case .oneDNN(let weights):
            guard let library else { throw InferenceError(.compute, "weights packed for oneDNN, and no oneDNN") }
            var done = 0
            while done < rows {
                let shape = OneDNN.Shape(rows: Self.block(rows - done), inputs: inputs, outputs: outputs)
                try library.product(shape).run(weights, input + done * inputs, sums + done * outputs, library.stream)
                done += shape.rows
            }
        case .kernels(let weights):
            kernels.product(input, weights, Int32(rows), Int32(outputs), Int32(inputs), sums)
        }
    }

    private static func backend(
        _ weights: UnsafeBufferPointer<Int8>, inputs: Int, outputs: Int, library: OneDNN?
    ) throws(InferenceError) -> Backend {
        guard let library else {
            let packed = UnsafeMutablePointer<Int8>.allocate(
                capacity: winnow_packed_size(Int32(outputs), Int32(inputs)))
            winnow_pack(weights.baseAddress, Int32(outputs), Int32(inputs), packed)
            return .kernels(packed)
        }
        let any = try library.product(OneDNN.Shape(rows: 16, inputs: inputs, outputs: outputs))
        return .oneDNN(try PackedWeights(weights, any, library))
    }
}
