import JSON

/// Texts that should be JSON.
enum JSONText {
    static func isValue(_ text: some StringProtocol) -> Bool {
        (try? JSONDocument.read(text.utf8) { _ in true }) ?? false
    }
}
