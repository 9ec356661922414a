import Foundation

/// A folder that is deleted when its last reference is released.
final class TemporaryFolder {
    let url = FileManager.default.temporaryDirectory.appending(path: "winnow-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    deinit { try? FileManager.default.removeItem(at: url) }
}
