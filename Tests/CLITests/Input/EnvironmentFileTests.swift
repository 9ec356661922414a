import Foundation
import Testing

@testable import CLI

struct EnvironmentFileTests {
    @Test func `lines are keys and values, and the rest is ignored`() {
        let text = "A=1\r\n# B=2\n\nC=x=y\nD=\nno line\nE= spaced \nexport F=7"
        #expect(EnvironmentFile.parse(text) == ["A": "1", "C": "x=y", "D": "", "E": " spaced ", "F": "7"])
    }

    @Test(arguments: [
        ("'a b&c$d'", "a b&c$d"), (#"'it'\''s'"#, "it's"), ("'two\nlines'", "two\nlines"),
        (#""q\"\\\$\x""#, #"q"\$\x"#),
        (#"a\ b\'c"#, "a b'c"), ("''", ""), ("'#'", "#"), ("é'ü'", "éü"),
    ])
    func `a value is read as a shell reads it`(written: String, value: String) {
        #expect(EnvironmentFile.parse("A=\(written)\nB=2")["A"] == value)
    }

    /// A shell with `. .run/env` and `winnow` must read the file that `make up` writes in the same way.
    @Test(arguments: [
        "plain", "", "postgres://u:p%2F&x@h/d?sslmode=require&a=b", "it's \"so\"; $HOME `id` \\ & |",
        " lead and trail ", "'",
        "two\nlines", "käse\u{1F9C0}",
    ])
    func `what the stack writes comes out of a shell and of winnow's reader as it went in`(value: String) async throws {
        let script = """
            set -eu
            eval "$(sed -n '/^quoted() {/,/^}/p;/^note() {/,/^}/p' infra/dev/stack.sh)"
            run=$(mktemp -d)
            note "KEY=$1"
            note "NEXT=2"
            cat "$run/env"
            printf '\\036'
            env -i sh -c '. "$0"; printf "%s\\036%s" "$KEY" "$NEXT"' "$run/env"
            rm -r "$run"
            """
        let result = try await Command.run("/bin/bash", ["-c", script, "bash", value])
        let parts = result.output.split(separator: "\u{1E}", omittingEmptySubsequences: false).map(String.init)
        try #require(parts.count == 3, "\(result.errors)")
        #expect(parts[1] == value)
        #expect(EnvironmentFile.parse(parts[0]) == ["KEY": value, "NEXT": "2"])
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

    @Test func `a broker in the environment makes the file unnecessary`() throws {
        let own = ["KAFKA_BOOTSTRAP_SERVERS": "own:1"]
        #expect(try EnvironmentFile.environment(own) == own)
    }

    @Test(arguments: [(0o600, true), (0o640, false), (0o604, false), (0o622, false)])
    func `the working directory's file is announced, and read only if no other user has access to it`(
        mode: Int, isTrusted: Bool
    ) async throws {
        let folder = try TemporaryFolder()
        let file = folder.url.appending(path: ".run/env")
        try FileManager.default.createDirectory(
            at: folder.url.appending(path: ".run"), withIntermediateDirectories: true)
        try Data("PGHOST=127.0.0.1\nPGPORT=1\nPGUSER=planted\n".utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
        let result = try await Command.winnow(["costs"], environment: ["PGCONNECT_TIMEOUT": "1"], directory: folder.url)
        #expect(result.status == 1)
        #expect(result.errors.contains("settings from .run/env") == isTrusted)
        #expect(result.errors.contains("port 1 failed") == isTrusted, "\(result.errors)")
        #expect(result.errors.contains("not used") != isTrusted)
    }
}
