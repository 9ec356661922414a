import Glibc
import Settings
import Synchronization

/// Writes to standard output and standard error, one whole text with each write.
///
/// Tenants, ids and texts come from outside, so all output passes `escapingControls` as the last step.
enum Console {
    /// The columns that tables and texts may take; `nil` for as many as they need.
    @TaskLocal static var width: Int?

    static func print(_ text: String) { output(Array(text.utf8)) }

    /// Prints JSON, in UTF-8.
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

    /// Writes progress to standard error. On a terminal it overwrites itself; elsewhere it is a line every few seconds.
    static func progress(_ text: String) {
        state.withLock { state in
            guard isTerminal(STDERR_FILENO) else {
                if !text.isEmpty, state.isTimeForProgress() {
                    _ = Descriptor.write(Array(text.utf8).escapingControls + [newline], to: STDERR_FILENO)
                }
                return
            }
            guard !text.isEmpty else { return state.clearProgress() }
            state.catchSignals()
            // A wrapped line could not be cleared.
            let line = text.shortened(to: (terminalWidth(of: STDERR_FILENO) ?? 80) - 1)
            let isOver = showsProgress.exchange(true, ordering: .relaxed)
            _ = Descriptor.write(
                (isOver ? clearLine : []) + Array(line.utf8).escapingControls, to: STDERR_FILENO)
        }
    }

    /// Whether a write to standard output has failed. Nothing more is written to it then.
    static var hasFailed: Bool { state.withLock { $0.failure != 0 } }

    /// Closes standard output, and reports a failed write.
    /// - Returns: the exit status of the process.
    static func finish(_ status: ExitStatus) -> ExitStatus {
        let failure = state.withLock { state in
            state.clearProgress()
            // Some file systems report a full disk only at close. A descriptor that was already closed has caused a
            // write error before.
            if state.failure == 0, close(STDOUT_FILENO) != 0 { state.failure = errno }
            return state.failure
        }
        guard failure != 0 else { return status }
        if failure == EPIPE {
            // The reader has closed the pipe, as in `winnow costs | head`. Ends silently, as other programs do.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        complain("winnow: standard output: \(String(cString: strerror(failure)))")
        return status == .ok ? .failed : status
    }

    /// - Returns: `nil` if the descriptor is not a terminal.
    static func terminalWidth(of descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Outside the lock, because a signal handler may not take one.
    fileprivate static let showsProgress = Atomic(false)

    private struct State {
        private var catchesSignals = false
        var lastProgress: ContinuousClock.Instant?
        /// The `errno` of the first write to standard output that failed.
        var failure: Int32 = 0

        mutating func clearProgress() {
            guard showsProgress.exchange(false, ordering: .relaxed) else { return }
            _ = Descriptor.write(clearLine, to: STDERR_FILENO)
        }

        /// Ends the line of progress on a signal, so that the shell's prompt begins on a new line.
        mutating func catchSignals() {
            guard !catchesSignals else { return }
            catchesSignals = true
            for number in [SIGINT, SIGTERM] {
                var former = sigaction()
                sigaction(number, nil, &former)
                // A signal that is ignored, as under `nohup`, stays ignored.
                guard unsafeBitCast(former.__sigaction_handler.sa_handler, to: Int.self) == 0 else { continue }
                signal(number, endProgress)
            }
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
    private static let clearLine = Array("\r\u{1B}[K".utf8)

    private static func output(_ bytes: [UInt8]) {
        state.withLock { state in
            guard state.failure == 0 else { return }
            state.clearProgress()
            state.failure = Descriptor.write(bytes.escapingControls + [newline], to: STDOUT_FILENO)
        }
    }

    private static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
}

/// Ends the line, and then ends the process as the signal would have done. It takes no lock and does not allocate.
private func endProgress(_ number: Int32) {
    if Console.showsProgress.load(ordering: .relaxed) {
        var newline = UInt8(ascii: "\n")
        _ = write(STDERR_FILENO, &newline, 1)
    }
    signal(number, SIG_DFL)
    raise(number)
}

/// Escapes text from outside, so that it cannot control a terminal.
extension [UInt8] {
    /// UTF-8 in which control characters other than a newline, and characters that change the direction of text, are
    /// written as `\u001B`.
    ///
    /// In JSON these characters occur within strings only, and there the escape means the same.
    var escapingControls: [UInt8] {
        guard contains(where: Self.mayBegin) else { return self }
        var escaped: [UInt8] = []
        escaped.reserveCapacity(count)
        var index = startIndex
        while index < endIndex {
            if let (scalar, length) = control(at: index) {
                let digits = String(scalar, radix: 16, uppercase: true)
                escaped += Array("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
                index += length
            } else {
                escaped.append(self[index])
                index += 1
            }
        }
        return escaped
    }

    private static func mayBegin(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != 0x0A || byte == 0x7F || byte == 0xC2 || byte == 0xD8 || byte == 0xE2
    }

    /// - Source: Unicode, UAX 9 (directional formatting characters), chapter 23.1 (control codes)
    private func control(at index: Int) -> (scalar: UInt32, length: Int)? {
        func byte(_ offset: Int) -> UInt8 { index + offset < endIndex ? self[index + offset] : 0 }
        switch (self[index], byte(1), byte(2)) {
        case (0x0A, _, _): return nil
        case (0x00...0x1F, _, _), (0x7F, _, _): return (UInt32(self[index]), 1)
        // The C1 control codes, which some terminals also obey.
        case (0xC2, 0x80...0x9F, _): return (UInt32(byte(1)), 2)
        case (0xD8, 0x9C, _): return (0x061C, 2)
        // Direction marks, line and paragraph separators, embeddings and overrides.
        case (0xE2, 0x80, 0x8E...0x8F), (0xE2, 0x80, 0xA8...0xAE): return (0x2000 + UInt32(byte(2) - 0x80), 3)
        // Isolates.
        case (0xE2, 0x81, 0xA6...0xA9): return (0x2040 + UInt32(byte(2) - 0x80), 3)
        default: return nil
        }
    }
}

extension String {
    /// One line without control characters, for a table cell.
    var visible: String {
        let escaped = String(decoding: Array(utf8).escapingControls, as: UTF8.self)
        return escaped.replacing("\n", with: "\\n")
    }
}
