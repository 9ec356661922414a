import FoundationEssentials

/// What the training side computed, one JSON object a line; made by `make models`.
enum Golden {
    struct Tokenized: Decodable {
        let vocabulary: String
        let text: String
        let ids: [Int32]
    }

    struct Logits: Decodable {
        let head: String
        let text: String
        let ids: [Int32]
        /// Of the head, after all its layers.
        let logits: [Float]
        /// Where the text leaves: the number of an exit, or that of the head behind them.
        let rung: Int
    }

    struct Split: Decodable {
        let text: String
        let segments: [String]
        let confidence: Double
    }

    /// Folders of `infra/models` that hold an encoder whose logits were recorded.
    static let encoders = names.compactMap { name -> String? in
        guard name.hasPrefix("logits-"), name.hasSuffix(".jsonl") else { return nil }
        return String(name.dropFirst("logits-".count).dropLast(".jsonl".count))
    }

    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()

    static func lines<Line: Decodable>(_ name: String, as type: Line.Type) throws -> [Line] {
        let text = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
        let decoder = JSONDecoder()
        return try text.split(separator: UInt8(ascii: "\n")).map { try decoder.decode(Line.self, from: $0) }
    }

    static func model(_ name: String) -> String { "\(root)/infra/models/\(name)" }

    private static let folder = "\(root)/Tests/InferenceTests/Golden"

    private static let root: String = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return "/" + parts.joined(separator: "/")
    }()
}
