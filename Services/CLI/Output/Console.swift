import Glibc
import Synchronization

/// Standard output and standard error, a whole text a write.
enum Console {
    static func print(_ text: String) { write(STDOUT_FILENO, Array((text + "\n").utf8)) }

    static func print(_ bytes: [UInt8]) { write(STDOUT_FILENO, bytes + [UInt8(ascii: "\n")]) }

    static func complain(_ text: String) { write(STDERR_FILENO, Array((text + "\n").utf8)) }

    /// Progress goes to standard error: on a terminal it overwrites itself, elsewhere it is a line every few seconds.
    static func progress(_ text: String) {
        if isatty(STDERR_FILENO) == 1 {
            write(STDERR_FILENO, Array("\r\u{1B}[K\(text)".utf8))
        } else if !text.isEmpty, isTimeForProgress() {
            complain(text)
        }
    }

    private static let lastProgress = Mutex<ContinuousClock.Instant?>(nil)

    private static func isTimeForProgress() -> Bool {
        lastProgress.withLock { last in
            let now = ContinuousClock.now
            if let last, now < last + .seconds(5) { return false }
            last = now
            return true
        }
    }

    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}

extension String {
    func padded(to width: Int, isNumber: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - count))
        return isNumber ? space + self : self + space
    }

    func shortened(to width: Int) -> String {
        let line = String(map { $0.isNewline ? " " : $0 })
        return line.count <= width ? line : line.prefix(width - 1) + "…"
    }
}
