import Foundation

/// One Swift file of the repository, with its path from the root.
struct SourceFile {
    let path: String
    let text: String
    /// The text without comments and literals.
    let code: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        code = CodeScanner.code(of: text)
    }

    /// The target of the file: its folder in `Shared`, `Services` or `Services/Workers`.
    var module: String {
        let folders = path.split(separator: "/").map(String.init)
        guard folders.count > 2 else { return "" }
        return folders[0] == "Services" && folders[1] == "Workers" && folders.count > 3 ? folders[2] : folders[1]
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    var isService: Bool { path.hasPrefix("Services/") }

    var lineCount: Int { text.split(separator: "\n", omittingEmptySubsequences: false).count - 1 }

    /// Returns A for `import A` and `@preconcurrency public import struct A.B`.
    var imports: [String] {
        code.split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ").map(String.init)
            guard let keyword = words.firstIndex(of: "import"),
                words[..<keyword].allSatisfy({ $0.hasPrefix("@") || ["public", "internal", "package"].contains($0) })
            else { return nil }
            words.removeFirst(keyword + 1)
            if let kind = words.first, ["struct", "class", "enum", "protocol", "func", "let", "var"].contains(kind) {
                words.removeFirst()
            }
            return words.first?.split(separator: ".").first.map(String.init)
        }
    }

    /// The numbers of the lines on which the code matches, counted from 1.
    func lines(matching pattern: Regex<Substring>) -> [Int] {
        code.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .filter { $0.element.contains(pattern) }.map { $0.offset + 1 }
    }

    /// Every Swift file below `folder`.
    static func all(in folder: String, of root: URL) throws -> [SourceFile] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
        return try names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
            let path = "\(folder)/\(name)"
            return SourceFile(path: path, text: try String(contentsOf: root.appending(path: path), encoding: .utf8))
        }
    }
}
