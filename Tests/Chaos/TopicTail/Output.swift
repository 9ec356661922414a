import Glibc
import Settings

/// Writes lines to standard output without a buffer, so that a reader sees each at once.
enum Output {
    /// Whoever reads a part of the records would take the others for lost, so a fault ends the process.
    static func write(_ lines: [[UInt8]]) {
        let bytes = lines.reduce(into: [UInt8]()) { bytes, line in
            bytes += line
            bytes.append(UInt8(ascii: "\n"))
        }
        guard Descriptor.write(bytes, to: STDOUT_FILENO) == 0 else { exit(1) }
    }
}
