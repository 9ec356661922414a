import CKernels

/// A LayerNorm's parameters, at addresses that stay.
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
