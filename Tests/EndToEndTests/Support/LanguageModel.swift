import Foundation
import Synchronization

/// A small language model behind llama.cpp's own server.
final class LanguageModel: Sendable {
    let address: String
    private let process: Process

    /// - Parameter port: 0 lets the server choose one.
    init(port: Int = 0, log: URL) async throws {
        guard let python = ProcessInfo.processInfo.environment["WINNOW_LLM_PYTHON"] else {
            throw SuiteFault("infra/dev/test.sh names the Python of the language model")
        }
        process = Process()
        process.executableURL = URL(filePath: python)
        process.arguments = [Repository.root.appending(path: "infra/llm/serve.py").path, "\(port)"]
        let output = Pipe()
        process.standardOutput = output
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        let identifier = process.processIdentifier
        ServiceProcess.running.withLock { $0[identifier] = "language-model" }
        // Returns at the end of the file, too, if the server does not start.
        let line = output.fileHandleForReading.availableData
        address = String(decoding: line, as: UTF8.self).trimmed
        guard address.hasPrefix("http://") else {
            throw SuiteFault("no language model: \((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
        }
    }

    var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let identifier = process.processIdentifier
        ServiceProcess.running.withLock { $0[identifier] = nil }
    }
}
