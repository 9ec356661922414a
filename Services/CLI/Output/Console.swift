import Glibc
import Settings
import Synchronization

/// Standard output and standard error, a whole text a write.
///
/// Tenants, ids and texts come from outside, so whatever is printed passes `escapingControls` here, at the last step.
enum Console {
    /// Columns that tables and texts may take; `nil` for as many as they need.
    @TaskLocal static var width: Int?

    static func print(_ text: String) { output(Array(text.utf8)) }

    /// JSON, in UTF-8.
    static func print(_ bytes: [UInt8]) { output(bytes) }

    static func print(_ table: Table, asJSON isJSON: Bool) {
        print(isJSON ? table.json : table.text(fitting: width))
    }

    static func complain(_ text: String) {
        state.withLock { state in
            state.clearProgress()
            _ = Descriptor.write(Array(text.utf8).escapingControls + [newline], to: STDERR_FILENO)
        }
    }

    /// Progress goes to standard error: on a terminal it overwrites itself, elsewhere it is a line every few seconds.
    static func progress(_ text: String) {
        state.withLock { state in
            guard isTerminal(STDERR_FILENO) else {
                if !text.isEmpty, state.isTimeForProgress() {
                    _ = Descriptor.write(Array(text.utf8).escapingControls + [newline], to: STDERR_FILENO)
                }
                return
            }
            state.clearProgress()
            guard !text.isEmpty else { return }
            // A line that wraps could not be cleared.
            let line = text.shortened(to: (terminalWidth(of: STDERR_FILENO) ?? 80) - 1)
            _ = Descriptor.write(Array(line.utf8).escapingControls, to: STDERR_FILENO)
            state.showsProgress = true
        }
    }

    /// Whether something could not be written to standard output. Nothing is written to it any more.
    static var hasFailed: Bool { state.withLock { $0.failure != 0 } }

    /// Closes standard output, and says so when something was not written.
    /// - Returns: how the process ends.
    static func finish(_ status: ExitStatus) -> ExitStatus {
        let failure = state.withLock { state in
            state.clearProgress()
            // Some file systems notice only now that there is no room. One that was closed before has had its failure.
            if state.failure == 0, close(STDOUT_FILENO) != 0 { state.failure = errno }
            return state.failure
        }
        guard failure != 0 else { return status }
        if failure == EPIPE {
            // Whoever read it has seen enough, as in `winnow costs | head`: end as other programs do, without a word.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        complain("winnow: standard output: \(String(cString: strerror(failure)))")
        return status == .ok ? .failed : status
    }

    /// - Returns: `nil` where the descriptor is not a terminal.
    static func terminalWidth(of descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private struct State {
        var showsProgress = false
        var lastProgress: ContinuousClock.Instant?
        /// The `errno` of the first write to standard output that failed.
        var failure: Int32 = 0

        mutating func clearProgress() {
            guard showsProgress else { return }
            showsProgress = false
            _ = Descriptor.write(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO)
        }

        mutating func isTimeForProgress() -> Bool {
            let now = ContinuousClock.now
            if let lastProgress, now < lastProgress + .seconds(5) { return false }
            lastProgress = now
            return true
        }
    }

    private static let state = Mutex(State())
    private static let newline = UInt8(ascii: "\n")

    private static func output(_ bytes: [UInt8]) {
        state.withLock { state in
            guard state.failure == 0 else { return }
            state.clearProgress()
            state.failure = Descriptor.write(bytes.escapingControls + [newline], to: STDOUT_FILENO)
        }
    }

    private static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
}
