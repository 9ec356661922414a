import Foundation
import Synchronization

/// A server of models, which prints its address once it listens.
final class ModelServer: Sendable {
    let address: String
    private let process: Process

    /// A small language model behind llama.cpp's own server.
    /// - Parameter port: 0 lets the server choose one.
    static func language(port: Int = 0, log: URL) throws -> ModelServer {
        guard let python = ProcessInfo.processInfo.environment["WINNOW_LLM_PYTHON"] else {
            throw SuiteFault("infra/dev/test.sh names the Python of the language model")
        }
        return try ModelServer(
            "language-model", python: python, script: "infra/llm/serve.py", arguments: ["\(port)"], log: log)
    }

    /// A server that answers at once, the same question always in the same way (Tests/Benchmarks/chat_server.py).
    /// - Parameters:
    ///   - answers: the labels of texts with a part, in turn.
    ///   - folder: for its files.
    ///   - port: 0 lets the server choose one.
    static func scripted(
        _ answers: [(part: String, labels: [String])] = [], in folder: URL, port: Int = 0
    ) throws -> ModelServer {
        let file = folder.appending(path: "answers-\(UUID()).json")
        try JSONSerialization.data(withJSONObject: answers.map { [$0.part, $0.labels] as [Any] }).write(to: file)
        return try ModelServer(
            "chat-server", python: "/usr/bin/python3", script: "Tests/Benchmarks/chat_server.py",
            arguments: ["--port", "\(port)", "--answers", file.path], log: folder.appending(path: "chat-server.log"))
    }

    private init(_ name: String, python: String, script: String, arguments: [String], log: URL) throws {
        process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [Repository.root.appending(path: script).path] + arguments
        let output = Pipe()
        process.standardOutput = output
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        let identifier = process.processIdentifier
        ServiceProcess.running.withLock { $0[identifier] = name }
        // Returns at the end of the file, too, if the server does not start.
        let line = output.fileHandleForReading.availableData
        address = String(decoding: line, as: UTF8.self).trimmed
        guard address.hasPrefix("http://") else {
            throw SuiteFault("no \(name): \((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
        }
    }

    var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

    /// How many requests a scripted server has had.
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
