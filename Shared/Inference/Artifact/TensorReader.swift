import Crypto

/// Hands out an artifact's tensors, each once and of the expected kind and shape, and knows what nobody took.
struct TensorReader {
    private let tensors: SafeTensors
    private var left: Set<String>

    /// Opens the weights that `card` describes.
    /// - Throws: `byteCount`, `checksum`, `identity`, `schemaVersion`, and what a malformed file gives.
    init(_ card: ModelCard, directory: String, format: String) throws(ArtifactError) {
        let file = try MappedFile("\(directory)/\(card.weights.file)")
        guard file.bytes.count == card.weights.bytes else {
            throw ArtifactError(
                .byteCount, file.path, "it has \(file.bytes.count) bytes, its card says \(card.weights.bytes)")
        }
        guard SHA256.hex(file.bytes) == card.weights.sha256 else {
            throw ArtifactError(.checksum, file.path, "its SHA-256 is not the one that its card says")
        }
        tensors = try SafeTensors(file)
        left = Set(tensors.tensors.keys)
        let metadata = tensors.metadata
        guard metadata["format"] == format else {
            throw ArtifactError(.identity, file.path, "its format is not \(format)")
        }
        guard metadata["schemaVersion"] == "\(ModelCard.schemaVersion)" else {
            throw ArtifactError(.schemaVersion, file.path, "its schemaVersion is not \(ModelCard.schemaVersion)")
        }
        guard metadata["card"] == card.name else {
            throw ArtifactError(.identity, file.path, "it belongs to another card than \(card.name)")
        }
    }

    var path: String { tensors.file.path }

    mutating func bytes(_ name: String) throws(ArtifactError) -> [UInt8] {
        let shape = tensors.tensors[name].map(\.shape) ?? []
        return try Array(take(name, .uint8, shape.count == 1 ? shape : [0]))
    }

    mutating func int8(_ name: String, _ shape: [Int]) throws(ArtifactError) -> UnsafeBufferPointer<Int8> {
        try take(name, .int8, shape).bindMemory(to: Int8.self)
    }

    mutating func floats(_ name: String, _ shape: [Int]) throws(ArtifactError) -> [Float] {
        let bytes = try take(name, .float32, shape)
        let floats = [Float](unsafeUninitializedCapacity: bytes.count / 4) { buffer, count in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            count = bytes.count / 4
        }
        guard floats.allSatisfy(\.isFinite) else {
            throw ArtifactError(.value, path, "\(name) holds a number that is not finite")
        }
        return floats
    }

    mutating func scales(_ name: String, count: Int) throws(ArtifactError) -> [Float] {
        let scales = try floats(name, [count])
        guard scales.allSatisfy({ $0 > 0 }) else {
            throw ArtifactError(.value, path, "\(name) holds a scale that is not positive")
        }
        return scales
    }

    /// - Throws: `surplusTensor` when the file holds more than was taken.
    func finish() throws(ArtifactError) {
        guard let name = left.min() else { return }
        throw ArtifactError(.surplusTensor, path, "nothing asks for \(name)")
    }

    private mutating func take(
        _ name: String, _ kind: SafeTensors.Kind, _ shape: [Int]
    ) throws(ArtifactError) -> UnsafeRawBufferPointer {
        guard let tensor = tensors.tensors[name] else {
            throw ArtifactError(.missingTensor, path, "\(name) is missing")
        }
        guard tensor.kind == kind else {
            throw ArtifactError(.dtype, path, "\(name) is \(tensor.kind.rawValue), not \(kind.rawValue)")
        }
        guard tensor.shape == shape else {
            throw ArtifactError(.dimensions, path, "\(name) has shape \(tensor.shape), its card says \(shape)")
        }
        left.remove(name)
        return tensors.bytes(of: tensor)
    }
}
