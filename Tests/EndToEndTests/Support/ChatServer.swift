import Foundation
import Synchronization

/// A server of chat completions that answers as a test tells it (Tests/Benchmarks/chat_server.py).
final class ChatServer: Sendable {
    let address: String
    private let process: Process

    /// - Parameters:
    ///   - answers: the labels of texts with a part, in turn.
    ///   - port: 0 lets the server choose one.
    init(_ answers: [(part: String, labels: [String])], in folder: URL, port: Int = 0) throws {
        let file = folder.appending(path: "answers-\(UUID()).json")
        try JSONSerialization.data(withJSONObject: answers.map { [$0.part, $0.labels] as [Any] }).write(to: file)
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [
            Repository.root.appending(path: "Tests/Benchmarks/chat_server.py").path, "--port", "\(port)", "--answers",
            file.path,
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let identifier = process.processIdentifier
        ServiceProcess.running.withLock { $0[identifier] = "chat-server" }
        // Returns at the end of the file, too, if the server does not start.
        address = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).trimmed
        guard address.hasPrefix("http://") else { throw SuiteFault("no chat server") }
    }

    var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

    /// How many requests it has had.
    func asked() async throws -> Int {
        let stats = try await Command.run(URL(filePath: "/usr/bin/curl"), ["--silent", "\(address)/stats"])
        return stats.objects.first?["asked"] as? Int ?? -1
    }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let identifier = process.processIdentifier
        ServiceProcess.running.withLock { $0[identifier] = nil }
    }
}
