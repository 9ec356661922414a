@testable import Inference

/// A safetensors file under construction, which may be as wrong as a test needs.
struct TensorFile {
    struct Tensor {
        var dtype: String
        var shape: [Int]
        var bytes: [UInt8]
    }

    var tensors: [(name: String, tensor: Tensor)] = []
    var metadata: [String: String] = [:]
    /// A final change to the header's text.
    var editHeader: (String) -> String = { $0 }

    subscript(_ name: String) -> Tensor? {
        get { tensors.first { $0.name == name }?.tensor }
        set {
            let index = tensors.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let tensor?): tensors[index].tensor = tensor
            case (let index?, nil): tensors.remove(at: index)
            case (nil, let tensor?): tensors.append((name, tensor))
            case (nil, nil): break
            }
        }
    }

    mutating func add(_ name: String, _ shape: [Int], _ floats: [Float]) {
        self[name] = Tensor(dtype: "F32", shape: shape, bytes: floats.flatMap(\.littleEndianBytes))
    }

    mutating func add(_ name: String, _ shape: [Int], _ values: [Int8]) {
        self[name] = Tensor(dtype: "I8", shape: shape, bytes: values.map { UInt8(bitPattern: $0) })
    }

    func floats(_ name: String) -> [Float] {
        let bytes = self[name]?.bytes ?? []
        return stride(from: 0, to: bytes.count, by: 4).map { index in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) })
        }
    }

    func int8(_ name: String) -> [Int8] { (self[name]?.bytes ?? []).map { Int8(bitPattern: $0) } }

    /// The file's bytes.
    func encoded() -> [UInt8] {
        var members = ["\"__metadata__\":{\(metadata.map { "\"\($0)\":\"\($1)\"" }.sorted().joined(separator: ","))}"]
        var data: [UInt8] = []
        for (name, tensor) in tensors {
            let end = data.count + tensor.bytes.count
            members.append(
                "\"\(name)\":{\"dtype\":\"\(tensor.dtype)\",\"shape\":\(tensor.shape),\"data_offsets\":[\(data.count),\(end)]}"
            )
            data += tensor.bytes
        }
        let header = Array(editHeader("{\(members.joined(separator: ","))}").utf8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        return length + header + data
    }
}

extension Float {
    var littleEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: bitPattern >> UInt32(8 * $0)) } }
}
