/// A model artifact that is refused: wrong, truncated or for another runtime. Never retriable: the files must change.
public struct ArtifactError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case unreadable
        /// `card.json` is not JSON, or lacks a member, or holds one of the wrong kind.
        case card
        case schemaVersion = "schema_version"
        /// Well formed, and beyond what this runtime computes.
        case unsupported
        case byteCount = "byte_count"
        case checksum
        /// The safetensors header is not what the format says.
        case header
        case dtype, shape, offsets
        case duplicateTensor = "duplicate_tensor"
        case missingTensor = "missing_tensor"
        case surplusTensor = "surplus_tensor"
        /// Card and tensors name different models.
        case identity
        /// A tensor's shape is not what the card's dimensions say.
        case dimensions
        /// A scale that is not finite and positive, or another number that is not finite.
        case value
        case labels, vocabulary
    }

    public let code: Code
    public let file: String
    public let message: String

    public var isRetriable: Bool { false }

    public init(_ code: Code, _ file: String, _ message: String) {
        self.code = code
        self.file = file
        self.message = message
    }

    public var description: String { "\(code.rawValue): \(file): \(message)" }
}
