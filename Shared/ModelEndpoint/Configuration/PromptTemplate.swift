/// A text with placeholders in braces. Everything else, other braces included, is taken as it is.
///
/// The parts are found once, when the template is read. So an input that contains the name of a placeholder remains an
/// input.
struct PromptTemplate: Equatable, Sendable {
    enum Placeholder: String, CaseIterable, Sendable {
        case task, description
        /// What an answer must look like: the labels with their descriptions, or a JSON Schema.
        case format
        case input
    }

    private enum Part: Equatable, Sendable {
        case text(String)
        case placeholder(Placeholder)
    }

    private let parts: [Part]
    /// The template as it was written.
    let source: String

    init(_ source: String) {
        self.source = source
        var parts: [Part] = [], rest = source[...]
        while let (range, placeholder) = Self.next(in: rest) {
            parts += [.text(String(rest[..<range.lowerBound])), .placeholder(placeholder)]
            rest = rest[range.upperBound...]
        }
        self.parts = parts + [.text(String(rest))]
    }

    private static func next(in text: Substring) -> (Range<String.Index>, Placeholder)? {
        Placeholder.allCases
            .compactMap { name in text.firstRange(of: "{\(name.rawValue)}").map { ($0, name) } }
            .min { $0.0.lowerBound < $1.0.lowerBound }
    }

    func count(of placeholder: Placeholder) -> Int { parts.count { $0 == .placeholder(placeholder) } }

    func text(_ values: (Placeholder) -> String) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .placeholder(let name): values(name)
            }
        }.joined()
    }
}
