import JSON

/// A `.safetensors` file whose header has been believed only after every claim in it was checked.
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
        /// Within the file's data section.
        let range: Range<Int>
    }

    let file: MappedFile
    let metadata: [String: String]
    let tensors: [String: Tensor]
    private let data: UnsafeRawBufferPointer

    init(_ file: MappedFile) throws(ArtifactError) {
        let bytes = file.bytes
        guard bytes.count >= 8 else { throw ArtifactError(.header, file.path, "shorter than the length of its header") }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(bytes.count - 8) else {
            throw ArtifactError(.header, file.path, "its header claims \(length) bytes, the file has \(bytes.count)")
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
            throw ArtifactError(.dtype, entry.file, "\(entry.path) is \(dtype); I8, U8 and F32 are known")
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
            throw ArtifactError(.offsets, entry.file, "\(entry.path) holds \(claimed) bytes, its shape takes \(bytes)")
        }
        return Tensor(kind: kind, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// The format has neither holes nor overlaps, so a file that has them was not written by a sound tool.
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
            guard tensor.range.lowerBound == end else { throw ArtifactError(.offsets, file, "a hole before \(name)") }
            end = tensor.range.upperBound
        }
        guard end == size else { throw ArtifactError(.offsets, file, "\(size - end) bytes behind the last tensor") }
    }
}
