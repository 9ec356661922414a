import Glibc
import Settings

/// Writes lines to standard output without a buffer, so that a reader gets each line at once.
enum Output {
    /// A fault ends the process, because its reader would consider missing records lost.
    static func write(_ lines: [[UInt8]]) {
        let bytes = lines.reduce(into: [UInt8]()) { bytes, line in
            bytes += line
            bytes.append(UInt8(ascii: "\n"))
        }
        guard Descriptor.write(bytes, to: STDOUT_FILENO) == 0 else { exit(1) }
    }
}
