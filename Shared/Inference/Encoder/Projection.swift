import CKernels

/// A task's head or one of its exits: one f32 row a label over the pooled vector.
struct Projection {
    private let weight: [Float]
    private let bias: [Float]
    private let inputs: Int

    init(_ tensors: inout TensorReader, _ name: String, labels: Int, inputs: Int) throws(ArtifactError) {
        do throws(ArtifactError) {
            weight = try tensors.floats("\(name).weight", [labels, inputs])
            bias = try tensors.floats("\(name).bias", [labels])
        } catch  where error.code == .dimensions {
            throw ArtifactError(.labels, error.file, error.message)
        }
        self.inputs = inputs
    }

    func logits(_ pooled: [Float], rows: Int, _ kernels: winnow_kernels) -> [Float] {
        [Float](unsafeUninitializedCapacity: rows * bias.count) { buffer, count in
            kernels.linear(
                pooled, weight, bias, Int32(rows), Int32(bias.count), Int32(inputs), buffer.baseAddress)
            count = rows * bias.count
        }
    }
}
