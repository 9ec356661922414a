import Foundation

/// Where things are.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The executables stand beside the test bundle.
    static let binaries = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
}

struct SuiteFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Waits for a condition outside this process, which has no event to await; fails with its name when time is up.
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
