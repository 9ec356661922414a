import Contracts

/// A sample of the router's states for texts of everything that is known: the tasks that its own head knows, and texts
/// that fit none. A route head learns from it what is not its own.
///
/// The file is `states.safetensors` beside the router. It holds numbers and no texts, and is made with the router.
/// - Source: infra/models/README.md, The router's states
public struct RouterStates: Sendable {
    public static let file = "states.safetensors"

    let width: Int
    /// One row after another.
    let rows: [Float]

    public var count: Int { rows.count / width }

    /// - Parameter router: the router beside which the file is.
    /// - Throws: `ArtifactError`, also if the states are another router's
    public init(directory: String, of router: ItemReader) throws(ArtifactError) {
        let tensors = try SafeTensors(try MappedFile("\(directory)/\(Self.file)"))
        let path = tensors.file.path
        guard tensors.metadata["format"] == "winnow-router-states", tensors.metadata["schemaVersion"] == "1" else {
            throw ArtifactError(.identity, path, "it does not hold states of a router")
        }
        guard tensors.metadata["router"] == router.stateFingerprint else {
            throw ArtifactError(.identity, path, "its states are another router's")
        }
        let width = router.card.encoder.hiddenSize
        guard let weight = tensors.tensors["states.weight"], let scale = tensors.tensors["states.scale"],
            tensors.tensors.count == 2, weight.kind == .int8, scale.kind == .float32, scale.shape.count == 1,
            weight.shape == scale.shape + [width]
        else { throw ArtifactError(.dimensions, path, "states.weight and states.scale do not fit together") }
        let values = tensors.bytes(of: weight), scales = tensors.bytes(of: scale)
        let count = scale.shape[0]
        rows = [Float](unsafeUninitializedCapacity: count * width) { rows, size in
            for row in 0..<count {
                let factor = scales.loadUnaligned(fromByteOffset: 4 * row, as: Float.self)
                for column in 0..<width {
                    rows[row * width + column] =
                        factor * Float(values.loadUnaligned(fromByteOffset: row * width + column, as: Int8.self))
                }
            }
            size = count * width
        }
        self.width = width
        guard rows.allSatisfy(\.isFinite) else {
            throw ArtifactError(.value, path, "states.scale contains a number that is not finite")
        }
    }

    init(width: Int, rows: [Float]) {
        self.width = width
        self.rows = rows
    }
}
