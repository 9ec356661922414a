import Foundation
import Synchronization

/// Runs `Tests/RuntimeProbe` as a separate process.
final class ProbeProcess: Sendable {
    struct Failure: Error {}

    private static let spawning = Mutex(())

    private let id: pid_t
    private let lines = AsyncStream.makeStream(of: String.self)
    private let exited = AsyncStream.makeStream(of: Int32.self)
    private let written = Mutex("")
    private let hasEnded = Mutex(false)

    /// Lends the process, and kills it if it still runs when `body` ends.
    static func run(_ environment: [String: String], _ body: (ProbeProcess) async throws -> Void) async throws {
        let probe = try ProbeProcess(environment)
        defer { probe.send(SIGKILL) }
        try await body(probe)
    }

    private init(_ environment: [String: String]) throws {
        var pipe: [Int32] = [-1, -1]
        id = try Self.spawning.withLock { _ in
            // A process may inherit only its standard error. Otherwise the end of another process's pipe is not
            // detected.
            guard Foundation.pipe(&pipe) == 0 else { throw Failure() }
            defer { close(pipe[1]) }
            for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return try Self.spawn(environment, standardError: pipe[1])
        }
        // Uses its own thread, because reading blocks until the process writes or ends.
        Thread.detachNewThread { [self, read = pipe[0]] in watch(read) }
    }

    /// Returns when the process has ended and `log` is complete. A signal that ended it is returned as a negative
    /// number.
    var exitCode: Int32? {
        get async { await exited.stream.first { _ in true } }
    }

    var log: String { written.withLock { $0 } }

    func send(_ signal: Int32) { hasEnded.withLock { if !$0 { kill(id, signal) } } }

    func logs(_ message: String) async throws {
        for await line in lines.stream where line.contains(#""message":"\#(message)""#) { return }
        throw Failure()
    }

    private func watch(_ descriptor: Int32) {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while case let count = read(descriptor, &chunk, chunk.count), count > 0 {
            let text = String(decoding: chunk.prefix(count), as: UTF8.self)
            written.withLock { $0 += text }
            for line in text.split(separator: "\n") { lines.continuation.yield(String(line)) }
        }
        close(descriptor)
        lines.continuation.finish()
        var status: Int32 = 0
        // Waits first and reaps under the lock, so that no signal reaches another process with the same id.
        var info = siginfo_t()
        waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT)
        hasEnded.withLock {
            waitpid(id, &status, 0)
            $0 = true
        }
        exited.continuation.yield(status & 0x7F == 0 ? status >> 8 : -(status & 0x7F))
    }

    /// The probe is in the same folder as the tests.
    private static func spawn(_ environment: [String: String], standardError: Int32) throws -> pid_t {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        let probe = tests.deletingLastPathComponent().appending(path: "RuntimeProbe").path
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, standardError, STDERR_FILENO)
        var arguments = [strdup(probe), nil]
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for copy in arguments + variables { free(copy) } }
        var id: pid_t = 0
        guard posix_spawn(&id, probe, &actions, nil, &arguments, &variables) == 0 else { throw Failure() }
        return id
    }
}
