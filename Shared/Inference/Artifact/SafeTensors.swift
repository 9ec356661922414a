import Contracts
import Crypto
import JSON

/// A `.safetensors` file. Its header is checked against the file before any tensor is read.
/// - Source: https://github.com/huggingface/safetensors, Format
struct SafeTensors {
    enum Kind: String {
        case int8 = "I8"
        case uint8 = "U8"
        case float32 = "F32"

        var size: Int { self == .float32 ? 4 : 1 }
    }

    struct Tensor {
        let kind: Kind
        let shape: [Int]
        /// The range within the file's data section.
        let range: Range<Int>
    }

    let file: MappedFile
    let metadata: [String: String]
    let tensors: [String: Tensor]
    private let data: UnsafeRawBufferPointer

    init(_ file: MappedFile) throws(ArtifactError) {
        let bytes = file.bytes
        guard bytes.count >= 8 else { throw ArtifactError(.header, file.path, "shorter than its length field") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(bytes.count - 8) else {
            throw ArtifactError(.header, file.path, "its header claims \(length) of \(bytes.count) bytes")
        }
        self.file = file
        let header = UnsafeRawBufferPointer(rebasing: bytes[8..<(8 + Int(length))])
        data = UnsafeRawBufferPointer(rebasing: bytes[(8 + Int(length))...])
        (metadata, tensors) = try ArtifactJSON.read(header, file: file.path, code: .header) {
            root throws(ArtifactError) in try Self.entries(root)
        }
        try Self.checkLayout(tensors, size: data.count, file: file.path)
    }

    func bytes(of tensor: Tensor) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: data[tensor.range]) }

    private static func entries(
        _ root: ArtifactJSON
    ) throws(ArtifactError) -> (metadata: [String: String], tensors: [String: Tensor]) {
        guard root.value.kind == .object else { throw root.fault("its header is not an object") }
        var metadata: [String: String] = [:]
        var tensors: [String: Tensor] = [:]
        var fault: ArtifactError?
        root.value.forEachMember { name, value in
            let entry = ArtifactJSON(value: value, path: name, file: root.file, code: .header)
            do throws(ArtifactError) {
                if name == "__metadata__" {
                    metadata = try strings(entry)
                } else if tensors.updateValue(try tensor(entry), forKey: name) != nil {
                    throw ArtifactError(.duplicateTensor, root.file, "\(name) appears twice")
                }
            } catch {
                fault = fault ?? error
            }
        }
        if let fault { throw fault }
        return (metadata, tensors)
    }

    private static func strings(_ entry: ArtifactJSON) throws(ArtifactError) -> [String: String] {
        var strings: [String: String] = [:]
        var isSound = entry.value.kind == .object
        entry.value.forEachMember { name, value in
            if let text = value.string { strings[name] = text } else { isSound = false }
        }
        guard isSound else { throw entry.fault("__metadata__ is not an object of strings") }
        return strings
    }

    private static func tensor(_ entry: ArtifactJSON) throws(ArtifactError) -> Tensor {
        let dtype = try entry.member("dtype").text()
        guard let kind = Kind(rawValue: dtype) else {
            throw ArtifactError(.dtype, entry.file, "\(entry.path) is \(dtype), not I8, U8 or F32")
        }
        let shape = try entry.member("shape").elements().map { element throws(ArtifactError) in try element.integer() }
        var bytes = kind.size
        for extent in shape {
            let (product, overflows) = bytes.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflows else {
                throw ArtifactError(.shape, entry.file, "\(entry.path) has the impossible shape \(shape)")
            }
            bytes = product
        }
        let offsets = try entry.member("data_offsets").elements().map { element throws(ArtifactError) in
            try element.integer()
        }
        guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1] else {
            throw ArtifactError(.offsets, entry.file, "\(entry.path) has the impossible offsets \(offsets)")
        }
        guard offsets[1] - offsets[0] == bytes else {
            let claimed = offsets[1] - offsets[0]
            throw ArtifactError(.offsets, entry.file, "\(entry.path) has \(claimed) bytes, its shape needs \(bytes)")
        }
        return Tensor(kind: kind, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// The format allows neither gaps nor overlaps, so a file with one was not written by a correct tool.
    private static func checkLayout(_ tensors: [String: Tensor], size: Int, file: String) throws(ArtifactError) {
        var end = 0
        let ordered = tensors.sorted {
            ($0.value.range.lowerBound, $0.value.range.upperBound) < (
                $1.value.range.lowerBound, $1.value.range.upperBound
            )
        }
        for (name, tensor) in ordered {
            guard tensor.range.upperBound <= size else {
                throw ArtifactError(.offsets, file, "\(name) ends at byte \(tensor.range.upperBound) of \(size)")
            }
            guard tensor.range.lowerBound >= end else {
                throw ArtifactError(.offsets, file, "\(name) overlaps another tensor")
            }
            guard tensor.range.lowerBound == end else { throw ArtifactError(.offsets, file, "a gap before \(name)") }
            end = tensor.range.upperBound
        }
        guard end == size else { throw ArtifactError(.offsets, file, "\(size - end) bytes follow the last tensor") }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file mapped into memory. It is mapped only while a model loads. All kept data is copied, so that a file that
/// shrinks under a running service cannot crash it.
final class MappedFile {
    let path: String
    let bytes: UnsafeRawBufferPointer

    init(_ path: String) throws(ArtifactError) {
        self.path = path
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw ArtifactError(.unreadable, path, Self.reason) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw ArtifactError(.unreadable, path, Self.reason) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw ArtifactError(.unreadable, path, "it is not a file") }
        let count = Int(status.st_size)
        guard count > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED else {
            throw ArtifactError(.unreadable, path, Self.reason)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// Reads an artifact's tensors, checks each tensor's type and shape, and tracks which tensors have not been read.
struct TensorReader {
    private let tensors: SafeTensors
    private var left: Set<String>

    /// Opens the weights that `card` describes.
    /// - Throws: `byteCount`, `checksum`, `identity`, `schemaVersion`, and errors for a malformed file.
    init(_ card: ModelCard, directory: String, format: String) throws(ArtifactError) {
        let file = try MappedFile("\(directory)/\(card.weights.file)")
        guard file.bytes.count == card.weights.bytes else {
            throw ArtifactError(
                .byteCount, file.path, "it has \(file.bytes.count) bytes, but its card says \(card.weights.bytes)")
        }
        guard SHA256.hex(file.bytes) == card.weights.sha256 else {
            throw ArtifactError(.checksum, file.path, "its SHA-256 differs from its card")
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
            throw ArtifactError(.identity, file.path, "it does not belong to the card \(card.name)")
        }
    }

    var path: String { tensors.file.path }

    /// One line for each tensor, by its name: name, type, shape, and SHA-256 of its bytes.
    func digests() -> [String: String] {
        tensors.tensors.reduce(into: [:]) { lines, entry in
            let (name, tensor) = entry
            let shape = tensor.shape.map(String.init).joined(separator: " ")
            lines[name] =
                "tensor \(name) \(tensor.kind.rawValue) [\(shape)] \(SHA256.hex(tensors.bytes(of: tensor)))"
        }
    }

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
            throw ArtifactError(.value, path, "\(name) contains a number that is not finite")
        }
        return floats
    }

    mutating func scales(_ name: String, count: Int) throws(ArtifactError) -> [Float] {
        let scales = try floats(name, [count])
        guard scales.allSatisfy({ $0 > 0 }) else {
            throw ArtifactError(.value, path, "\(name) contains a scale that is not positive")
        }
        return scales
    }

    /// - Throws: `surplusTensor` if the file has a tensor that was not read.
    func finish() throws(ArtifactError) {
        guard let name = left.min() else { return }
        throw ArtifactError(.surplusTensor, path, "the model does not use \(name)")
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
            throw ArtifactError(.dimensions, path, "\(name) has shape \(tensor.shape), but its card says \(shape)")
        }
        left.remove(name)
        return tensors.bytes(of: tensor)
    }
}
