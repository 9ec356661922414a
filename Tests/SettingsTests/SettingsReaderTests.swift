import Foundation
import Settings
import Testing

@Suite struct SettingsReaderTests {
    @Test func `a default is used, and shown as one`() {
        var reader = SettingsReader(environment: [:])
        #expect(reader.string("A", default: "x") == "x")
        #expect(reader.entries.map(\.shown) == ["x"])
        #expect(reader.entries.map(\.isDefault) == [true])
    }

    @Test func `what the environment says wins over the default`() throws {
        var reader = SettingsReader(environment: ["A": "y", "N": "7"])
        #expect(reader.string("A", default: "x") == "y")
        #expect(try reader.integer("N", default: 1, in: 0...9) == 7)
        #expect(reader.entries.map(\.isDefault) == [false, false])
    }

    @Test func `an empty variable counts as unset`() throws {
        var reader = SettingsReader(environment: ["A": "", "N": "", "S": "", "S_FILE": "", "P_X": ""])
        #expect(reader.string("A", default: "x") == "x")
        #expect(reader.optional("A") == nil)
        #expect(try reader.integer("N", default: 3, in: 0...9) == 3)
        #expect(try reader.secret("S") == nil)
        #expect(reader.group("P_").isEmpty)
        #expect(throws: SettingsError("A", "is required and not set")) {
            try reader.required("A")
        }
    }

    @Test(arguments: ["-1", "10", "3.0", "three", " 3", "99999999999999999999", "0x3"])
    func `a number outside its range or not whole is refused by name`(text: String) {
        var reader = SettingsReader(environment: ["N": text])
        #expect(throws: SettingsError("N", "must be a whole number from 0 to 9")) {
            try reader.integer("N", default: 1, in: 0...9)
        }
    }

    @Test(arguments: ["0", "9"])
    func `both ends of a range belong to it`(text: String) throws {
        var reader = SettingsReader(environment: ["N": text])
        #expect(try reader.integer("N", default: 1, in: 0...9) == Int(text))
    }

    @Test(arguments: ["0.01", "0", "1", "1e-3"])
    func `a share is read as it is written`(text: String) throws {
        var reader = SettingsReader(environment: ["N": text])
        #expect(try reader.number("N", default: 0.5, in: 0...1) == Double(text))
        #expect(reader.entries.map(\.shown) == [text])
        #expect(try reader.number("M", default: 0.5, in: 0...1) == 0.5)
    }

    @Test(arguments: ["-0.1", "1.1", "nan", "one", "0,5"])
    func `a share outside its range is refused by name`(text: String) {
        var reader = SettingsReader(environment: ["N": text])
        #expect(throws: SettingsError("N", "must be a number from 0.0 to 1.0")) {
            try reader.number("N", default: 0.5, in: 0...1)
        }
    }

    @Test func `a secret is given and never shown`() throws {
        var reader = SettingsReader(environment: ["KEY": "hunter2", "KAFKA_CONF_sasl.password": "hunter3"])
        #expect(try reader.secret("KEY") == "hunter2")
        #expect(reader.group("KAFKA_CONF_") == ["sasl.password": "hunter3"])
        let shown = reader.entries.map { "\($0)" }.joined()
        #expect(shown.contains("***"))
        #expect(!shown.contains("hunter"))
    }

    @Test func `a secret may come from a file, without its last newline`() throws {
        let file = try SecretFile(Data("hunter2 \r\n\n".utf8))
        var reader = SettingsReader(environment: ["KEY_FILE": file.path])
        #expect(try reader.secret("KEY") == "hunter2 ")
        #expect(reader.entries.map(\.key) == ["KEY_FILE"])
        #expect(reader.entries.map(\.shown) == [file.path])
    }

    @Test func `a secret's own variable wins over its file`() throws {
        let file = try SecretFile(Data("from the file".utf8))
        var reader = SettingsReader(environment: ["KEY": "direct", "KEY_FILE": file.path])
        #expect(try reader.secret("KEY") == "direct")
    }

    @Test func `a secret's file that is absent or not UTF-8 is refused by name`() throws {
        let file = try SecretFile(Data([0xFF, 0xFE]))
        for path in [file.path, file.path + ".absent"] {
            var reader = SettingsReader(environment: ["KEY_FILE": path])
            #expect(throws: SettingsError("KEY_FILE", "names a file that cannot be read as UTF-8")) {
                try reader.secret("KEY")
            }
        }
    }
}

private final class SecretFile {
    let path = FileManager.default.temporaryDirectory.appending(path: "winnow-secret-\(UUID())").path

    init(_ data: Data) throws { try data.write(to: URL(filePath: path)) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
