import Crypto

@testable import Inference

extension ArtifactFaultTests {
    static let headerFaults: [Fault] = [
        header("a header that is not JSON", .header) { "\($0.dropLast())" },
        header("a header that is no object", .header) { _ in "[]" },
        header("metadata that are not strings", .header) { $0.replacing("\"winnow-encoder\"", with: "1") },
        header("a tensor that appears twice", .duplicateTensor, says: "layers.1.feedForward.norm.bias") {
            $0.replacing("layers.0.feedForward.norm.bias", with: "layers.1.feedForward.norm.bias")
        },
        header("an unknown dtype", .dtype, says: "F16") { $0.replacing("\"F32\"", with: "\"F16\"") },
        header("a negative extent", .shape) { $0.replacing("\"shape\":[3, 64]", with: "\"shape\":[-3, -64]") },
        header("an extent beyond all memory", .shape) {
            $0.replacing("\"shape\":[3, 64]", with: "\"shape\":[4611686018427387904, 64]")
        },
        header("a shape that its bytes do not hold", .offsets, says: "its shape needs") {
            $0.replacing("\"shape\":[3, 64]", with: "\"shape\":[3, 65]")
        },
        header("three offsets", .offsets) { $0.replacing("\"data_offsets\":[0,", with: "\"data_offsets\":[0,0,") },
        header("offsets that run backwards", .offsets) {
            $0.replacing("\"data_offsets\":[0,", with: "\"data_offsets\":[999999,")
        },
        Fault(
            testDescription: "a header longer than the file", code: .header,
            model: { $0.card["weights"] = weights(of: Self.longHeader($0.file.encoded())) }, file: Self.longHeader,
            says: "header claims"),
        Fault(
            testDescription: "a file of seven bytes", code: .header,
            model: { $0.card["weights"] = weights(of: Array($0.file.encoded().prefix(7))) },
            file: { Array($0.prefix(7)) }),
        Fault(
            testDescription: "a tensor that ends outside the file", code: .offsets,
            model: { $0.card["weights"] = weights(of: $0.file.encoded().dropLast()) }, file: { $0.dropLast() },
            says: "ends at byte"),
        Fault(
            testDescription: "bytes that belong to no tensor", code: .offsets,
            model: { $0.card["weights"] = weights(of: $0.file.encoded() + [0]) }, file: { $0 + [0] },
            says: "1 bytes follow the last tensor"),
        header("two tensors over the same bytes", .offsets, says: "overlaps") { header in
            let vocabulary = "[\(TinyModel.pieces.joined(separator: "\n").utf8.count)]"
            return header.replacing(
                "\"heads.legal-services/unfair-term.bias\":{\"dtype\":\"F32\",\"shape\":[2],",
                with:
                    "\"twin\":{\"dtype\":\"U8\",\"shape\":\(vocabulary),\"data_offsets\":[0,\(vocabulary.dropFirst())},"
                    + "\"heads.legal-services/unfair-term.bias\":{\"dtype\":\"F32\",\"shape\":[2],")
        },
    ]

    static let tensorFaults: [Fault] = [
        Fault(
            testDescription: "a missing tensor", code: .missingTensor,
            model: { $0.file["layers.1.feedForward.up.scale"] = nil }, says: "layers.1.feedForward.up.scale"),
        Fault(
            testDescription: "an exit without its tensor", code: .missingTensor,
            model: { $0.file["exits.1.legal-services/clause-type.bias"] = nil },
            says: "exits.1.legal-services/clause-type.bias"),
        Fault(
            testDescription: "a surplus tensor", code: .surplusTensor,
            model: { $0.file.add("layers.2.attention.norm.bias", [64], [Float](repeating: 0, count: 64)) },
            says: "layers.2.attention.norm.bias"),
        Fault(
            testDescription: "a tensor of another kind", code: .dtype,
            model: { $0.file["embeddings.word.weight"]?.dtype = "U8" }, says: "embeddings.word.weight is U8"),
        Fault(
            testDescription: "a tensor of another shape", code: .dimensions,
            model: { $0.file["embeddings.position.weight"]?.shape = [64, 48] }, says: "its card says [48, 64]"),
        Fault(
            testDescription: "a scale of zero", code: .value,
            model: { $0.file.setFloat("embeddings.word.scale", 3, to: 0) }, says: "embeddings.word.scale"),
        Fault(
            testDescription: "a scale that is infinite", code: .value,
            model: { $0.file.setFloat("layers.0.attention.qkv.scale", 3, to: .infinity) }),
        Fault(
            testDescription: "a weight that is no number", code: .value,
            model: { $0.file.setFloat("heads.legal-services/clause-type.weight", 3, to: .nan) }),
        vocabulary("a piece less than the card says", says: "40 pieces") { $0.dropLast() },
        vocabulary("a piece that is there twice", says: "twice") { $0.dropLast() + ["jazz"] },
        vocabulary("an empty piece", says: "piece 40") { $0.dropLast() + [""] },
        vocabulary("no separator", says: "[SEP]") { $0.map { $0 == "[SEP]" ? "sep" : $0 } },
        vocabulary("no word for the unknown", says: "[UNK]") { $0.map { $0 == "[UNK]" ? "unk" : $0 } },
        Fault(
            testDescription: "a vocabulary that is not UTF-8", code: .vocabulary,
            model: { model in
                guard let count = model.file["tokenizer.vocabulary"]?.bytes.count else { return }
                model.file["tokenizer.vocabulary"]?.bytes[count - 1] = 0xFF
            }, says: "UTF-8"),
    ]

    private static func header(
        _ name: String, _ code: ArtifactError.Code, says: String = "", _ edit: @escaping @Sendable (String) -> String
    ) -> Fault {
        Fault(testDescription: name, code: code, model: { $0.file.editHeader = edit }, says: says)
    }

    private static func vocabulary(
        _ name: String, says: String, _ edit: @escaping @Sendable ([String]) -> [String]
    ) -> Fault {
        Fault(
            testDescription: name, code: .vocabulary,
            model: { model in
                let bytes = Array(edit(TinyModel.pieces).joined(separator: "\n").utf8)
                model.file["tokenizer.vocabulary"] = TensorFile.Tensor(dtype: "U8", shape: [bytes.count], bytes: bytes)
            }, says: says)
    }

    /// Updates the card to match a corrupted file, so that the test reaches the check after the checksum.
    private static func weights(of bytes: some Collection<UInt8>) -> String {
        let digest = Array(bytes).withUnsafeBytes(SHA256.hex)
        return "{\"file\":\"model.safetensors\",\"sha256\":\"\(digest)\",\"bytes\":\(bytes.count)}"
    }

    @Sendable private static func longHeader(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](repeating: 0xFF, count: 8) + bytes.dropFirst(8)
    }
}

extension TensorFile {
    mutating func setFloat(_ name: String, _ index: Int, to value: Float) {
        self[name]?.bytes.replaceSubrange((4 * index)..<(4 * index + 4), with: value.littleEndianBytes)
    }
}
