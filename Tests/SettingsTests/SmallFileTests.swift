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

    @Test func `a link stays a link, and the file behind it is replaced with its rights kept`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let (file, link) = (folder.appending(path: "file").path, folder.appending(path: "link").path)
        try SmallFile.replace(file, with: "before")
        chmod(file, 0o640)
        symlink("file", link)
        try SmallFile.replace(link, with: "after")
        #expect(SmallFile.text(file) == "after")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "file")
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o640)
        SmallFile.remove(link)
        #expect(SmallFile.text(file) == nil)
    }

    @Test func `a link to nothing is refused`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let link = folder.appending(path: "link").path
        symlink("nowhere", link)
        #expect(throws: SmallFileError.self) { try SmallFile.ensureReplaceable(link) }
        let error = #expect(throws: SmallFileError.self) { try SmallFile.replace(link, with: "text") }
        #expect(error?.reason == "is a symbolic link to a file that does not exist")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["link"])
    }

    /// Uses a link, so that a fault of this test cannot damage the machine's own device.
    @Test func `a device is written to and stays a device`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        for (device, isWritable) in [("/dev/null", true), ("/dev/full", false)] {
            let link = folder.appending(path: "link").path
            symlink(device, link)
            let error = Result { try SmallFile.replace(link, with: "text") }
            #expect(((try? error.get()) != nil) == isWritable)
            SmallFile.remove(link)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == device)
            unlink(link)
        }
    }

    @Test func `a pipe is written to and stays a pipe`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let pipe = folder.appending(path: "pipe").path
        mkfifo(pipe, 0o600)
        // Opens it for reading and writing, so that neither side has to wait for the other.
        let reader = open(pipe, O_RDWR)
        defer { close(reader) }
        try SmallFile.replace(pipe, with: "text")
        SmallFile.remove(pipe)
        var bytes = [UInt8](repeating: 0, count: 9)
        #expect(read(reader, &bytes, 9) == 4)
        #expect(try FileManager.default.attributesOfItem(atPath: pipe)[.type] as? FileAttributeType == .typeUnknown)
    }

    @Test func `a descriptor's path is that descriptor, which keeps its place`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "file").path
        let file = open(path, O_WRONLY | O_CREAT, 0o600)
        defer { close(file) }
        #expect(write(file, "1", 1) == 1)
        try SmallFile.replace("/dev/fd/\(file)", with: "2")
        try SmallFile.replace("/proc/self/fd/\(file)", with: "3")
        #expect(SmallFile.text(path) == "123")
    }

    @Test(arguments: [(0o600, true), (0o400, true), (0o640, false), (0o602, false)])
    func `a private file is one that nobody else can read or write`(mode: Int, isPrivate: Bool) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "file").path
        try SmallFile.replace(path, with: "text")
        chmod(path, mode_t(mode))
        #expect((try? SmallFile.readPrivate(path)) == (isPrivate ? Array("text".utf8) : nil))
        #expect(throws: SmallFileError.self) { try SmallFile.readPrivate(folder.path) }
    }
}
