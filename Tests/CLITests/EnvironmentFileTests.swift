import Testing

@testable import CLI

struct EnvironmentFileTests {
    @Test func `lines are keys and values, and the rest is ignored`() {
        let text = "A=1\r\n# B=2\n\nC=x=y\nD=\nno line\nE= spaced \n"
        #expect(EnvironmentFile.parse(text) == ["A": "1", "C": "x=y", "D": "", "E": " spaced "])
    }

    @Test func `the process's own variables win over the file's`() throws {
        let file = try TemporaryFile("KAFKA_BOOTSTRAP_SERVERS=file:1\nOTHER=file\n")
        let merged = try EnvironmentFile.environment(["WINNOW_ENV_FILE": file.path, "OTHER": "own"])
        #expect(merged["KAFKA_BOOTSTRAP_SERVERS"] == "file:1")
        #expect(merged["OTHER"] == "own")
    }

    @Test func `a file that was named must be there`() {
        #expect(throws: UsageError.self) { try EnvironmentFile.environment(["WINNOW_ENV_FILE": "/nowhere/at/all"]) }
    }

    @Test func `whoever names a broker needs no file`() throws {
        let own = ["KAFKA_BOOTSTRAP_SERVERS": "own:1"]
        #expect(try EnvironmentFile.environment(own) == own)
    }
}
