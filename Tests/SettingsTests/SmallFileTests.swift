import Foundation
import Settings
import Testing

@Suite struct SmallFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    @Test(arguments: ["", "a line\n", "größe 😀"])
    func `what was written is read, and nothing is left beside it`(text: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "file").path
        try SmallFile.replace(path, with: "before")
        try SmallFile.replace(path, with: text)
        #expect(SmallFile.text(path) == text)
        #expect(try SmallFile.read(path) == Array(text.utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
    }

    @Test func `a file at the limit is read, one beyond it refused`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "file")
        try Data(count: SmallFile.limit).write(to: file)
        #expect(try SmallFile.read(file.path).count == SmallFile.limit)
        try Data(count: SmallFile.limit + 1).write(to: file)
        #expect(throws: SmallFileError.self) { try SmallFile.read(file.path) }
    }

    @Test func `what is no UTF-8, no file or not there has no text`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "file")
        try Data([0xC3, 0x28]).write(to: file)
        #expect(SmallFile.text(file.path) == nil)
        #expect(SmallFile.text(folder.path) == nil)
        #expect(SmallFile.text(file.path + ".absent") == nil)
    }

    @Test func `where nothing can be written what is there stays, and the error has the reason`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let error = #expect(throws: SmallFileError.self) { try SmallFile.replace("/proc/no/such/file", with: "text") }
        #expect(error?.description.contains("No such file or directory") == true)
        let inner = folder.appending(path: "inner")
        try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: false)
        #expect(throws: SmallFileError.self) { try SmallFile.replace(inner.path, with: "text") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["inner"])
    }
}
