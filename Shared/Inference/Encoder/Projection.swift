import CKernels

/// A task's head: one f32 row a label over the pooled vector.
struct Projection {
    private let weight: [Float]
    private let bias: [Float]
    private let inputs: Int

    init(_ tensors: inout TensorReader, _ head: ModelCard.Head, inputs: Int) throws(ArtifactError) {
        let name = "heads.\(head.route)"
        do throws(ArtifactError) {
            weight = try tensors.floats("\(name).weight", [head.labels.count, inputs])
            bias = try tensors.floats("\(name).bias", [head.labels.count])
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
