/// The public declarations of a module, read from its sources.
struct PublicAPI {
    /// One line for each declaration, sorted: the type that it belongs to, and its signature without body and value.
    let declarations: [String]

    init(of files: [SourceFile]) {
        var reader = DeclarationReader()
        for file in files { reader.read(file.code) }
        declarations = reader.found.sorted()
    }
}

/// Splits code into declarations by braces, brackets and line ends. It knows just enough of Swift for this project's style.
private struct DeclarationReader {
    private enum Scope {
        /// The body of a type or an extension.
        case type(name: String, isPublic: Bool, isProtocol: Bool, isEnum: Bool)
        /// The body of a function, property or closure. Nothing in it is declared to others.
        case body
    }

    private(set) var found: [String] = []
    private var scopes: [Scope] = []
    private var statement = ""
    private var brackets = 0

    mutating func read(_ code: String) {
        let lines = code.split(separator: "\n").map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }
        for (index, line) in lines.enumerated() {
            for character in line {
                switch character {
                case "(", "[", "<": brackets += character == "<" ? 0 : 1
                case ")", "]": brackets -= 1
                default: break
                }
                switch character {
                case "{" where brackets == 0: open()
                case "}" where brackets == 0: close()
                default: statement.append(character)
                }
            }
            statement.append(" ")
            let goesOn = index + 1 < lines.count && Self.continues(lines[index + 1])
            if brackets == 0, !goesOn { end() }
        }
        end()
    }

    /// Whether a line belongs to the declaration before it.
    private static func continues(_ line: Substring) -> Bool {
        ["->", "where ", "{", ".", "&& ", "|| ", "? ", ": ", "= "].contains { line.hasPrefix($0) }
    }

    private mutating func open() {
        let header = statement
        end()
        scopes.append(scope(of: header))
    }

    private mutating func close() {
        end()
        _ = scopes.popLast()
    }

    private func scope(of header: String) -> Scope {
        if case .body = scopes.last { return .body }
        let words = header.split { $0 == " " || $0 == ":" || $0 == "<" }.map(String.init)
        guard let keyword = words.firstIndex(where: { Self.typeKeywords.contains($0) }), keyword + 1 < words.count,
            !words[..<keyword].contains(where: { ["func", "var", "let", "init"].contains($0) })
        else { return .body }
        let isExtension = words[keyword] == "extension"
        return .type(
            name: words[keyword + 1], isPublic: isExtension || words[..<keyword].contains("public"),
            isProtocol: words[keyword] == "protocol", isEnum: words[keyword] == "enum")
    }

    private static let typeKeywords: Set = ["struct", "class", "enum", "protocol", "extension", "actor"]

    private mutating func end() {
        defer { statement = "" }
        var path: [String] = []
        var isRequirement = false
        for scope in scopes {
            guard case .type(let name, let isPublic, let isProtocol, let isEnum) = scope, isPublic else { return }
            path.append(name)
            isRequirement = isProtocol || isEnum && statement.drop { $0 == " " }.hasPrefix("case ")
        }
        var signature = statement.split(separator: " ").joined(separator: " ")
        // Literals are not part of the code that is read.
        if signature.hasSuffix(" =") { signature.removeLast(2) }
        let modifiers = signature.split(separator: " ").prefix { !Self.declarationKeywords.contains(String($0)) }
        guard isRequirement && !signature.isEmpty || modifiers.contains("public") else { return }
        if let value = signature.firstRange(of: " = "), !signature[..<value.lowerBound].contains("(") {
            signature = String(signature[..<value.lowerBound])
        }
        found.append((path.isEmpty ? "" : path.joined(separator: ".") + ": ") + signature)
    }

    private static let declarationKeywords: Set = [
        "struct", "class", "enum", "protocol", "extension", "actor", "func", "var", "let", "init", "case", "typealias",
        "subscript",
    ]
}
