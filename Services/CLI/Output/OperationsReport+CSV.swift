import PostgresStore

extension OperationsReport {
    /// - Source: RFC 4180; a missing value is an empty field
    var csv: String {
        ([columns.map { $0.name as String? }] + rows)
            .map { row in row.map { Self.field($0 ?? "") }.joined(separator: ",") }
            .joined(separator: "\n")
    }

    private static func field(_ text: String) -> String {
        guard text.contains(where: { ["\"", ","].contains($0) || $0.isNewline }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
