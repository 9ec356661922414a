/// One post-norm transformer layer's parameters.
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
