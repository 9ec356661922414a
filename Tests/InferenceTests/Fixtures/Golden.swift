import FoundationEssentials

/// Outputs of the training side, one JSON object on each line. `make models` writes them.
enum Golden {
    struct Tokenized: Decodable {
        let vocabulary: String
        let text: String
        let ids: [Int32]
        /// FNV-1a of the places of the pieces in the text's UTF-8, such as `0-4 5-6`. It is `nil` for texts in which the
        /// reference mistakes the place of a mark (`ScalarRules`).
        let places: UInt32?
    }

    struct Logits: Decodable {
        let head: String
        let text: String
        let ids: [Int32]
        /// The logits of the head, after all its layers.
        let logits: [Float]
        /// Where the text leaves: the number of an exit, or the number after the last exit for the head.
        let exit: Int
        /// Whether the guard there does not know the text.
        let isUnfamiliar: Bool
    }

    /// A request as the item reader reads it. Offsets are those of UTF-8.
    struct Request: Decodable {
        struct Source: Decodable {
            let text: String
            let ids: [Int32]
            let marks: [UInt8]
            let starts: [UInt32]
            let ends: [UInt32]
            let inputTokens: Int
            let flops: Int64
            let items: [Item]
            let ranges: [Part]
        }

        struct Item: Decodable {
            let start: Int
            let end: Int
            let certainty: Double
            let logits: [Float]
        }

        /// A range that need be no item.
        struct Part: Decodable {
            let start: Int
            let end: Int
            let logits: [Float]
        }

        /// The fingerprint of the state of the reader that read it.
        let state: String
        /// The own text first.
        let sources: [Source]
    }

    /// The scalars with a property, as runs from the first to the last.
    struct ScalarProperty: Decodable {
        let property: String
        let runs: [[UInt32]]
    }

    /// The folders of `infra/models` that contain an encoder with recorded logits.
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

    static let folder = "\(root)/Tests/InferenceTests/Golden"

    private static let root: String = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return "/" + parts.joined(separator: "/")
    }()
}
