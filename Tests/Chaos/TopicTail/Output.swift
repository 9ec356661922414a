import Glibc

/// Writes lines to standard output without a buffer, so that a reader sees each at once.
enum Output {
    static func write(_ lines: [[UInt8]]) {
        let bytes = lines.reduce(into: [UInt8]()) { bytes, line in
            bytes += line
            bytes.append(UInt8(ascii: "\n"))
        }
        _ = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
