import Foundation

/// The simplest implementation of the README's arithmetic: no packing, no vectors, and doubles where they do no harm.
struct ReferenceEncoder {
    let model: TinyModel

    /// - Parameter name: the head or the exit that reads after this number of layers.
    func logits(_ ids: [Int32], _ name: String, layers: Int) -> [Float] {
        let shape = model.shape, file = model.file
        let words = file.int8("embeddings.word.weight"), scales = file.floats("embeddings.word.scale")
        let positions = file.floats("embeddings.position.weight")
        var rows = ids.enumerated().map { position, id in
            (0..<shape.hidden).map { n in
                Float(words[Int(id) * shape.hidden + n]) * scales[Int(id)] + positions[position * shape.hidden + n]
            }
        }
        rows = rows.map { norm("embeddings.norm", $0) }
        for layer in 0..<layers {
            let mixed = attend(rows.map { linear("layers.\(layer).attention.qkv", $0) })
            rows = zip(rows, mixed).map { row, mixed in
                norm("layers.\(layer).attention.norm", sum(row, linear("layers.\(layer).attention.output", mixed)))
            }
            rows = rows.map { row in
                let units = linear("layers.\(layer).feedForward.up", row).map { x in
                    Float(0.5 * Double(x) * (1 + erf(Double(x) / 2.0.squareRoot())))
                }
                return norm(
                    "layers.\(layer).feedForward.norm", sum(row, linear("layers.\(layer).feedForward.down", units)))
            }
        }
        let mean = (0..<shape.hidden).map { n in rows.reduce(0) { $0 + $1[n] } / Float(rows.count) }
        let weight = file.floats("\(name).weight"), bias = file.floats("\(name).bias")
        return bias.enumerated().map { label, bias in
            (0..<shape.hidden).reduce(bias) { $0 + mean[$1] * weight[label * shape.hidden + $1] }
        }
    }

    private func linear(_ name: String, _ row: [Float]) -> [Float] {
        let weight = model.file.int8("\(name).weight"), scale = model.file.floats("\(name).scale")
        let bias = model.file.floats("\(name).bias")
        let peak = row.reduce(0) { max($0, abs($1)) }, step = peak > 0 ? peak / 127 : 1
        let quantized = row.map { Int32(min(max(($0 / step).rounded(.toNearestOrEven), -127), 127)) }
        return bias.enumerated().map { output, bias in
            let sum = quantized.enumerated().reduce(Int32(0)) {
                $0 + $1.element * Int32(weight[output * row.count + $1.offset])
            }
            return Float(sum) * step * scale[output] + bias
        }
    }

    private func norm(_ name: String, _ row: [Float]) -> [Float] {
        let weight = model.file.floats("\(name).weight"), bias = model.file.floats("\(name).bias")
        let mean = row.reduce(0, +) / Float(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(row.count)
        return row.enumerated().map { n, x in (x - mean) / (variance + 1e-12).squareRoot() * weight[n] + bias[n] }
    }

    private func attend(_ qkv: [[Float]]) -> [[Float]] {
        let size = model.shape.headSize, width = model.shape.heads * size
        return qkv.map { query in
            (0..<model.shape.heads).flatMap { head -> [Float] in
                let scores = qkv.map { key in
                    (0..<size).reduce(0) { $0 + query[head * size + $1] * key[width + head * size + $1] }
                        / Float(size).squareRoot()
                }
                let top = scores.reduce(-Float.infinity, max), weights = scores.map { exp($0 - top) }
                let total = weights.reduce(0, +)
                return (0..<size).map { n in
                    zip(weights, qkv).reduce(0) { $0 + $1.0 / total * $1.1[2 * width + head * size + n] }
                }
            }
        }
    }

    private func sum(_ left: [Float], _ right: [Float]) -> [Float] { zip(left, right).map { $0 + $1 } }
}
