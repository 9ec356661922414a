import CKernels

extension Encoder {
    func embed(_ ids: [Int32], from start: Int, _ lengths: ArraySlice<Int>) {
        ids.withUnsafeBufferPointer { ids in
            guard var next = ids.baseAddress.map({ $0 + start }) else { return }
            eachSequence(lengths) { row, length in
                kernels.embed(
                    embeddings.words, embeddings.scales, embeddings.positions, embeddings.norm.parameters, next,
                    Int32(length), Int32(shape.hiddenSize),
                    winnow_rows(
                        values: workspace.hidden + row * shape.hiddenSize,
                        quantized: workspace.quantized + row * shape.hiddenSize, scales: workspace.scales + row))
                next += length
            }
        }
    }

    func attend(_ layer: Layer, _ lengths: ArraySlice<Int>) {
        let width = shape.attentionSize
        eachSequence(lengths) { row, length in
            kernels.attention(
                workspace.sums + row * 3 * width, layer.qkv.dequant, workspace.scales + row, Int32(length),
                Int32(shape.headCount), Int32(shape.headSize), workspace.attention,
                winnow_rows(
                    values: workspace.mixed, quantized: workspace.quantized + row * width,
                    scales: workspace.scales + row))
        }
    }

    /// - Parameters:
    ///   - rows: of the chunk; their sums begin the buffer.
    ///   - quantizes: false where no product follows.
    func addAndNormalize(_ linear: Linear, _ norm: Norm, _ rows: Range<Int>, quantizes: Bool = true) {
        let start = rows.lowerBound * shape.hiddenSize, scales = workspace.scales + rows.lowerBound
        kernels.residual_norm(
            workspace.sums, linear.dequant, scales, norm.parameters, Int32(rows.count), Int32(shape.hiddenSize),
            winnow_rows(
                values: workspace.hidden + start, quantized: quantizes ? workspace.quantized + start : nil,
                scales: scales))
    }

    func applyGELU(_ layer: Layer, _ rows: Range<Int>) {
        let scales = workspace.scales + rows.lowerBound
        kernels.gelu(
            workspace.sums, layer.up.dequant, scales, Int32(rows.count), Int32(shape.feedForwardSize),
            winnow_rows(values: workspace.mixed, quantized: workspace.inner, scales: scales))
    }

    /// Moves the rows of the sequences that stay together; what stood between them is gone.
    func keep(_ kept: [Bool], of lengths: ArraySlice<Int>) {
        let width = shape.hiddenSize
        var next = 0, row = 0
        for (length, stays) in zip(lengths, kept) {
            if stays, next != row {
                let (hidden, quantized, scales) = (workspace.hidden, workspace.quantized, workspace.scales)
                (hidden + next * width).update(from: hidden + row * width, count: length * width)
                (quantized + next * width).update(from: quantized + row * width, count: length * width)
                (scales + next).update(from: scales + row, count: length)
            }
            if stays { next += length }
            row += length
        }
    }

    /// Means of the chunk's sequences.
    func pool(_ lengths: ArraySlice<Int>, into pooled: inout [Float]) {
        let width = shape.hiddenSize
        pooled.removeAll(keepingCapacity: true)
        pooled.append(contentsOf: repeatElement(0, count: lengths.count * width))
        pooled.withUnsafeMutableBufferPointer { pooled in
            guard var next = pooled.baseAddress else { return }
            eachSequence(lengths) { row, length in
                kernels.mean(workspace.hidden + row * width, Int32(length), Int32(width), next)
                next += width
            }
        }
    }

    private func eachSequence(_ lengths: ArraySlice<Int>, _ body: (_ row: Int, _ length: Int) -> Void) {
        var row = 0
        for length in lengths {
            body(row, length)
            row += length
        }
    }
}
