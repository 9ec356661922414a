import Crypto
import FoundationEssentials

@testable import Inference

/// A random encoder artifact, valid until a test corrupts it. Its first head has an exit before every layer.
struct TinyModel {
    struct Shape {
        var layers = 2
        var hidden = 64
        var heads = 2
        var headSize = 32
        var feedForward = 96
        var positions = 48
    }

    static let leavesFrom = 0.65

    static let pieces =
        [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "play", "##ing", "jazz", "and", ",", ".", "'",
            "中",
        ]
        + (UInt8(ascii: "a")...UInt8(ascii: "z")).map { String(UnicodeScalar($0)) }

    static func tokenizer() throws -> WordPieceTokenizer {
        let bytes = Array(pieces.joined(separator: "\n").utf8)
        return WordPieceTokenizer(try Vocabulary(bytes, size: pieces.count, file: "tiny"))
    }

    let shape: Shape
    var file = TensorFile()
    /// The JSON of the card's members. `weights` is added when the card is written.
    var card: [String: String]

    init(_ shape: Shape = Shape(), seed: UInt64 = 7) {
        self.shape = shape
        card = [
            "schemaVersion": "1", "name": "\"tiny\"", "role": "\"small\"", "capability": "\"legal-services\"",
            "version": "\"1.0.0+test\"", "teacher": "{\"name\":\"full\",\"version\":\"9\"}",
            "encoder": """
            {"layers":\(shape.layers),"hiddenSize":\(shape.hidden),"headCount":\(shape.heads),"headSize":\(shape.headSize),
            "feedForwardSize":\(shape.feedForward),"vocabularySize":\(Self.pieces.count),"positions":\(shape.positions),
            "layerNormEpsilon":1e-12}
            """,
            "tokenizer": """
            {"kind":"wordpiece","lowercase":true,"stripAccents":true,"handleChineseCharacters":true,
            "maxInputCharactersPerWord":100}
            """,
            "flops": "{\"perToken\":1000}",
            "heads": """
            [{"capability":"legal-services","task":"clause-type","kind":"single-label","labels":["a","b","c"],
            "exits":[\((0..<shape.layers).map { "{\"layers\":\($0),\"from\":\(Self.leavesFrom),\"share\":0.4}" }.joined(separator: ","))],
            "maxTokens":\(shape.positions),"temperature":1.0,"thresholds":null,"gate":null,
            "calibration":{"threshold":0.5}},
            {"capability":"legal-services","task":"unfair-term","kind":"multi-label","labels":["x","y"],
            "layers":\(max(0, shape.layers - 1)),"maxTokens":8,"temperature":1.0,"thresholds":[0.5,0.25],"gate":null,"calibration":null}]
            """,
        ]
        file.metadata = ["format": "winnow-encoder", "schemaVersion": "1", "card": "tiny"]
        var dice = Dice(seed)
        let vocabulary = Array(Self.pieces.joined(separator: "\n").utf8)
        file["tokenizer.vocabulary"] = TensorFile.Tensor(dtype: "U8", shape: [vocabulary.count], bytes: vocabulary)
        let hidden = shape.hidden, attention = shape.heads * shape.headSize
        addInt8("embeddings.word", Self.pieces.count, hidden, bias: false, &dice)
        addFloats("embeddings.position.weight", [shape.positions, hidden], -1...1, &dice)
        addNorm("embeddings.norm", &dice)
        for layer in 0..<shape.layers {
            addInt8("layers.\(layer).attention.qkv", 3 * attention, hidden, &dice)
            addInt8("layers.\(layer).attention.output", hidden, attention, &dice)
            addNorm("layers.\(layer).attention.norm", &dice)
            addInt8("layers.\(layer).feedForward.up", shape.feedForward, hidden, &dice)
            addInt8("layers.\(layer).feedForward.down", hidden, shape.feedForward, &dice)
            addNorm("layers.\(layer).feedForward.norm", &dice)
        }
        let heads = [("heads.legal-services/clause-type", 3), ("heads.legal-services/unfair-term", 2)]
        for (name, labels) in heads + (0..<shape.layers).map({ ("exits.\($0).legal-services/clause-type", 3) }) {
            addFloats("\(name).weight", [labels, hidden], -0.5...0.5, &dice)
            addFloats("\(name).bias", [labels], -0.5...0.5, &dice)
        }
    }

    /// A random item reader, whose vocabulary has pieces for line ends.
    /// - Parameter answersTexts: whether it also has the heads of a classifier of texts.
    static func reader(seed: UInt64 = 7, answersTexts: Bool = false) -> TinyModel {
        var model = TinyModel(seed: seed)
        let pieces = pieces.map { $0 == "'" ? "[unused1]" : $0 == "中" ? "[unused2]" : $0 }
        let vocabulary = Array(pieces.joined(separator: "\n").utf8)
        model.file["tokenizer.vocabulary"] = TensorFile.Tensor(
            dtype: "U8", shape: [vocabulary.count], bytes: vocabulary)
        if !answersTexts {
            model.file.tensors.removeAll { $0.name.hasPrefix("heads.") || $0.name.hasPrefix("exits.") }
        }
        let others = answersTexts ? model.card["heads"]?.dropFirst().dropLast() : nil
        model.card["role"] = answersTexts ? #""full""# : #""router""#
        model.card["reading"] = #"{"window":48,"stride":20,"context":8}"#
        model.card["heads"] = """
            [{"capability":"decomposition","task":"route","kind":"multi-label",
            "labels":["legal-services/clause-type","legal-services/unfair-term"],"maxTokens":48,"temperature":1.0,
            "thresholds":[0.5,0.5],"gate":null,"calibration":{"threshold":0.75}}\(others.map { ",\($0)" } ?? "")]
            """
        var dice = Dice(seed + 1)
        let hidden = model.shape.hidden
        model.addFloats("embeddings.mark.weight", [8, hidden], -1...1, &dice)
        for (name, labels) in [("tags", 3), ("heads.decomposition/route", 2)] {
            model.addFloats("\(name).weight", [labels, hidden], -0.5...0.5, &dice)
            model.addFloats("\(name).bias", [labels], -0.5...0.5, &dice)
        }
        return model
    }

    /// The model with a guard at each way out of its first head.
    func guarded(seed: UInt64 = 5) -> TinyModel {
        var model = self, dice = Dice(seed)
        Self.replace(#""calibration":{"threshold":0.5}"#, #""guard":{},"calibration":{"threshold":0.5}"#)(&model)
        let route = "legal-services/clause-type"
        for name in (0..<shape.layers).map({ "exits.\($0).\(route)" }) + ["heads.\(route)"] {
            model.addFloats("guards.\(name).weight", [1, shape.hidden], -0.5...0.5, &dice)
            model.addFloats("guards.\(name).bias", [1], -0.5...0.5, &dice)
        }
        return model
    }

    /// The model without what reads requests.
    func withoutReading() -> TinyModel {
        var model = self
        model.card["reading"] = nil
        model.card["heads"] = TinyModel().card["heads"]
        model.file.tensors.removeAll {
            $0.name == "embeddings.mark.weight" || $0.name.hasPrefix("tags.")
                || $0.name.hasPrefix("heads.decomposition/route.")
        }
        return model
    }

    /// Writes both files into a temporary folder, lends the folder, and removes it.
    func written<Result>(
        editCard: (String) -> String = { $0 }, editFile: ([UInt8]) -> [UInt8] = { $0 },
        _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "winnow-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let bytes = file.encoded(), digest = bytes.withUnsafeBytes(SHA256.hex)
        var members = card
        members["weights"] =
            members["weights"] ?? "{\"file\":\"model.safetensors\",\"sha256\":\"\(digest)\",\"bytes\":\(bytes.count)}"
        let text = "{\(members.map { "\"\($0)\":\($1)" }.sorted().joined(separator: ","))}"
        try Data(editCard(text).utf8).write(to: folder.appending(path: "card.json"))
        try Data(editFile(bytes)).write(to: folder.appending(path: "model.safetensors"))
        return try body(folder.path)
    }

    /// A change of the card's heads.
    static func replace(_ old: String, _ new: String) -> @Sendable (inout TinyModel) -> Void {
        { model in
            let heads = model.card["heads"] ?? ""
            // A change that changes nothing would prove nothing.
            precondition(heads.contains(old))
            model.card["heads"] = heads.replacing(old, with: new)
        }
    }

    /// A change of one bit of a tensor.
    static func spoil(_ tensor: String) -> @Sendable (inout TinyModel) -> Void {
        { model in
            let byte = model.file[tensor]?.bytes[0] ?? 0
            model.file[tensor]?.bytes[0] = byte ^ 1
        }
    }

    private mutating func addFloats(_ name: String, _ shape: [Int], _ range: ClosedRange<Float>, _ dice: inout Dice) {
        file.add(name, shape, (0..<shape.reduce(1, *)).map { _ in Float.random(in: range, using: &dice) })
    }

    private mutating func addNorm(_ name: String, _ dice: inout Dice) {
        addFloats("\(name).weight", [shape.hidden], 0.5...1.5, &dice)
        addFloats("\(name).bias", [shape.hidden], -0.5...0.5, &dice)
    }

    private mutating func addInt8(_ name: String, _ rows: Int, _ columns: Int, bias: Bool = true, _ dice: inout Dice) {
        file.add(
            "\(name).weight", [rows, columns],
            (0..<(rows * columns)).map { _ in Int8.random(in: -127...127, using: &dice) })
        addFloats("\(name).scale", [rows], 0.0005...0.003, &dice)
        if bias { addFloats("\(name).bias", [rows], -0.5...0.5, &dice) }
    }
}
