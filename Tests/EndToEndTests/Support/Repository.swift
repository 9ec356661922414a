import Foundation

/// Paths in the repository.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The executables are in the folder of the test bundle.
    static let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
}

struct SuiteFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Waits for a condition outside this process, which has no event to await. Fails with its name when the time is over.
enum Eventually {
    static func holds(
        _ what: String, within limit: Duration, _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw SuiteFault("not within \(limit): \(what)") }
            _ = try await Command.run(URL(filePath: "/bin/sleep"), ["0.1"])
        }
    }
}
