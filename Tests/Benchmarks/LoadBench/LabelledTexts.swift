import Contracts
import Foundation
import JSON

/// The texts of the validation files, by task.
struct LabelledTexts {
    private(set) var texts: [Route: [String]] = [:]

    /// - Throws: if a file cannot be read or contains no labelled texts.
    init(directory: String, routes: [Route]) throws {
        for route in routes {
            let path = "\(directory)/\(route.capability.rawValue).\(route.task).val.jsonl.gz"
            texts[route] = try Self.unpacked(path).split(separator: UInt8(ascii: "\n")).map { line in
                guard let text = try JSONDocument.read(line, { $0["text"]?.string }) else {
                    throw UsageError("\(path) has a line without a text")
                }
                return text
            }
        }
    }

    private static func unpacked(_ path: String) throws -> Data {
        guard FileManager.default.isReadableFile(atPath: path) else { throw UsageError("\(path) is not there") }
        let gzip = Process()
        let output = Pipe()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", path]
        gzip.standardOutput = output
        try gzip.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        gzip.waitUntilExit()
        guard gzip.terminationStatus == 0 else { throw UsageError("\(path) is damaged") }
        return data
    }
}
