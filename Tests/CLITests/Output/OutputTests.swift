import Foundation
import Testing

@testable import CLI

/// Tests standard output with the real executable.
struct OutputTests {
    @Test(arguments: ["help", "--version", "costs --help", "models list", "models list --json"])
    func `output for which there is no room is a failure and not a success`(words: String) async throws {
        let result = try await Command.shell("winnow \(words) >/dev/full")
        #expect(result.status == 1)
        #expect(result.errors == "winnow: standard output: No space left on device\n")
    }

    @Test func `a closed standard output is a failure`() async throws {
        let result = try await Command.shell("winnow --version >&-")
        #expect(result.status == 1)
        #expect(result.errors == "winnow: standard output: Bad file descriptor\n")
    }

    /// The shell opens the pipe together with `winnow`, so the shell checks it while `winnow` reads.
    @Test(arguments: ["<&- >&- 2>&-", ">&- 2>&-", "<&- >&-", "2>&-"])
    func `nothing that is opened gets the number of a stream that was closed`(redirection: String) async throws {
        let folder = try TemporaryFolder()
        let result = try await Command.shell(
            """
            mkfifo pipe
            winnow submit --file pipe \(redirection) &
            pid=$!
            exec 9>pipe
            for number in 0 1 2; do readlink /proc/$pid/fd/$number; done
            kill $pid
            """, directory: folder.url)
        let streams = result.output.split(separator: "\n")
        #expect(streams.count == 3)
        for (number, closing) in ["<&-", ">&-", "2>&-"].enumerated() {
            let isClosed = redirection.contains(number == 1 ? " >&-" : closing) || redirection.hasPrefix(closing)
            #expect(streams[number] != "\(folder.path("pipe"))")
            if isClosed { #expect(streams[number] == "/dev/null", "\(number)") }
        }
    }

    @Test func `a service keeps the numbers of closed streams free, too, and writes its port into a pipe`() async throws
    {
        let folder = try TemporaryFolder()
        let result = try await Command.shell(
            """
            mkfifo port
            WINNOW_HTTP_PORT_FILE=port KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 aggregator <&- >&- 2>log &
            pid=$!
            read -r number <port
            [ "$number" -gt 0 ] && readlink /proc/$pid/fd/0 /proc/$pid/fd/1 && [ -p port ] && echo pipe
            kill -KILL $pid
            """, directory: folder.url)
        #expect(result.output == "/dev/null\n/dev/null\npipe\n", "\(result.errors)")
    }

    @Test func `a pipe that does not block gets all of a long output, however slowly it is read`() async throws {
        let result = try await python(
            """
            os.set_blocking(writer, False)
            child = subprocess.Popen(["bash", "-c", "set -e; for i in $(seq 40); do winnow help; done"], stdout=writer)
            os.close(writer)
            size = 0
            while chunk := os.read(reader, 512):
                size += len(chunk)
            print(child.wait(), size)
            """)
        let whole = try await Command.winnow(["help"]).output.utf8.count
        #expect(40 * whole > 1 << 16)
        #expect(result.output == "0 \(40 * whole)\n", "\(result.errors)")
    }

    /// The result must be the same if the parent ignores the signal, as Python and `nohup` do.
    @Test(arguments: [true, false])
    func `without a reader it ends as other programs do, and silently`(isIgnoring: Bool) async throws {
        let result = try await python(
            """
            os.close(reader)
            done = subprocess.run(["winnow", "help"], stdout=writer, stderr=subprocess.PIPE, restore_signals=\
            \(isIgnoring ? "False" : "True"))
            print(-done.returncode, done.stderr)
            """)
        #expect(result.output == "13 b''\n", "\(result.errors)")
    }

    /// Runs on a terminal, where progress overwrites itself.
    @Test(arguments: ["INT", "TERM"])
    func `a signal ends the line of progress before it ends the process`(signal: String) async throws {
        let result = try await python(
            """
            import json, pty, signal, tempfile
            folder = tempfile.TemporaryDirectory()
            with open(folder.name + "/items", "w") as items:
                for number in range(20_000):
                    items.write(json.dumps({"capability": "legal-services", "task": "clause-type",
                                            "text": f"clause {number}"}) + "\\n")
            child, terminal = pty.fork()
            if child == 0:
                os.execvp("winnow", ["winnow", "certify", "--capability", "legal-services", "--data",
                                     folder.name + "/items", "--out", folder.name + "/certificates"])
            seen = b""
            while b"items compared" not in seen:
                seen += os.read(terminal, 4096)
            os.kill(child, signal.SIG\(signal))
            try:
                while chunk := os.read(terminal, 4096):
                    seen += chunk
            except OSError:
                pass
            status = os.waitpid(child, 0)[1]
            print(os.WIFSIGNALED(status) and os.WTERMSIG(status), seen.endswith(b"\\r\\n"))
            """)
        #expect(result.output == "\(signal == "INT" ? 2 : 15) True\n", "\(result.errors)")
    }

    @Test func `what is printed cannot move the cursor or turn the direction of text`() {
        let hostile = "a\u{1B}[2Jb\u{9B}2Jc\u{7F}\rd\u{202E}e\u{2066}f\u{061C}g\u{2028}h\u{200F}\ti"
        #expect(
            String(decoding: Array(hostile.utf8).escapingControls, as: UTF8.self)
                == #"a\u001B[2Jb\u009B2Jc\u007F\u000Dd\u202Ee\u2066f\u061Cg\u2028h\u200F\u0009i"#)
        let harmless = "é ß 漢 👩🏽‍🚀 — “”\nnext"
        #expect(String(decoding: Array(harmless.utf8).escapingControls, as: UTF8.self) == harmless)
        #expect("two\nlines\u{1B}".visible == #"two\nlines\u001B"#)
    }

    @Test func `in JSON the escape means the same character`() throws {
        let text = "\u{9B}\u{202E}é"
        let json = Array("[\"\(text)\"]".utf8).escapingControls
        #expect(try JSONSerialization.jsonObject(with: Data(json)) as? [String] == [text])
    }

    @Test func `an id or a label in a complaint is escaped too`() async throws {
        let result = try await Command.winnow(["sing\u{1B}[2J\u{202E}"])
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix(#"winnow: no such verb: sing\u001B[2J\u202E"#))
    }

    @Test(arguments: [(60, ""), (100, ""), (60, "--wide"), (100, "--wide")])
    func `a table fits the terminal unless it is asked for whole`(width: Int, option: String) async throws {
        let whole = try await Command.winnow(["models", "list"]).output
        let natural = whole.split(separator: "\n").map(\.count).max() ?? 0
        #expect(natural > 100)
        let lines = try await Command.terminal("winnow models list \(option)", width: width)
        #expect((lines.map(\.count).max() ?? 0) <= (option.isEmpty ? width : natural))
        // The output is complete: every word is there.
        for word in whole.split(whereSeparator: \.isWhitespace) {
            #expect(lines.joined().filter { $0 != " " }.contains(word) || option.isEmpty, "\(word)")
        }
        #expect(option.isEmpty || lines == whole.split(separator: "\n").map(String.init))
    }

    private func python(_ script: String) async throws -> Command.Result {
        let begin = "import os, subprocess\nreader, writer = os.pipe()\n"
        return try await Command.run("/usr/bin/python3", ["-c", begin + script])
    }
}
