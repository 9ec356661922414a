import CatalogFile
import Contracts
import Foundation
import Testing

@Suite final class FolderTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "catalog-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    @Test func `each folder with a file is a capability, and other files are ignored`() throws {
        try write("b", Self.capability("b"))
        try write("a", Self.capability("a"))
        try Data().write(to: URL(filePath: "\(folder)/schema.json"))
        try FileManager.default.createDirectory(atPath: "\(folder)/.git", withIntermediateDirectories: true)
        #expect(try CatalogFile.read(folder: folder).capabilities.map(\.name.rawValue) == ["a", "b"])
    }

    @Test func `every fault of every file is told`() throws {
        try write("a", "{}")
        try write("b", "{")
        try write("c", Self.capability("d"))
        try FileManager.default.createDirectory(atPath: "\(folder)/e", withIntermediateDirectories: true)
        let found = faults { try CatalogFile.read(folder: folder) }.map { $0.dropFirst(folder.count + 1) }
        #expect(found.count == 7)
        #expect(
            found.prefix(4) == [
                "a/capability.json: name: is missing", "a/capability.json: title: is missing",
                "a/capability.json: description: is missing", "a/capability.json: tasks: is missing",
            ])
        #expect(found[4].hasPrefix("b/capability.json: not valid JSON: "))
        #expect(found[5] == "c/capability.json: name: differs from the name of the file's folder")
        #expect(found[6] == "e/capability.json: No such file or directory")
    }

    @Test func `a folder without a capability is refused, and so is one that does not exist`() {
        #expect(faults { try CatalogFile.read(folder: folder) } == ["\(folder): holds no capability"])
        #expect(faults { try CatalogFile.read(folder: folder + "/x") } == ["\(folder)/x: No such file or directory"])
    }

    @Test func `256 capabilities are read, and one more is refused`() throws {
        for number in 1...256 { try write("a\(number)", Self.capability("a\(number)")) }
        #expect(try CatalogFile.read(folder: folder).capabilities.count == 256)
        try write("a257", Self.capability("a257"))
        #expect(faults { try CatalogFile.read(folder: folder) } == ["\(folder): holds more than 256 capabilities"])
    }

    @Test func `a file of 1 MiB is read, and a longer one is not`() throws {
        let text = Self.capability("a")
        let limit = 1 << 20
        let file = try write("a", text + String(repeating: " ", count: limit - text.utf8.count))
        #expect(try CatalogFile.read(file: file).name.rawValue == "a")
        try write("a", text + String(repeating: " ", count: limit - text.utf8.count + 1))
        #expect(faults { try CatalogFile.read(file: file) } == ["\(file): File too large"])
        let bytes = [UInt8](repeating: 0x20, count: limit + 1)
        #expect(faults { try CatalogFile.read(bytes: bytes, file: "a") } == ["a: has more than 1048576 bytes"])
    }

    @Test func `a pipe is refused and not waited for`() throws {
        try FileManager.default.createDirectory(atPath: "\(folder)/a", withIntermediateDirectories: true)
        let file = "\(folder)/a/capability.json"
        #expect(mkfifo(file, 0o600) == 0)
        #expect(faults { try CatalogFile.read(folder: folder) } == ["\(file): is not a regular file"])
    }

    @Test func `a catalog that is too large for one record is refused`() throws {
        let description = String(repeating: "d", count: 500)
        let labels = (0..<1000).map { "{\"name\":\"\($0)\",\"description\":\"\(description)\"}" }.joined(separator: ",")
        let text = Self.capability("NAME", labels: labels)
        for number in 1...32 { try write("a\(number)", text.replacing("NAME", with: "a\(number)")) }
        #expect(faults { try CatalogFile.read(folder: folder) } == ["\(folder): holds more than 1000000 bytes"])
        #expect(CatalogLimits.catalogBytes < Limits.recordBytes)
    }

    @discardableResult
    private func write(_ name: String, _ text: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        let file = "\(folder)/\(name)/capability.json"
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }

    private static func capability(
        _ name: String,
        labels: String = #"{"name":"x","description":"X."},{"name":"y","description":"Y."}"#
    ) -> String {
        """
        {"name":"\(name)","title":"A","description":"Is a.","tasks":[{"name":"b","title":"B","description":"Says b.",
         "unit":"line","output":{"kind":"label","labels":[\(labels)]},"comparator":"exact","models":{"full":"full"}}]}
        """
    }
}
