import CZlib
import Glibc
import Settings

/// Reads a file, a pipe, a process substitution or standard input to its end.
enum InputFile {
    /// A file that was named by mistake must not exhaust the memory.
    /// - Units: bytes.
    static let limit = 1 << 30

    private static let newline = UInt8(ascii: "\n")

    /// - Parameter path: `-` is standard input.
    /// - Throws: `SmallFileError`
    static func read(_ path: String) throws(SmallFileError) -> [UInt8] {
        guard path == "-" else { return try SmallFile.read(path, limit: limit) }
        if isatty(STDIN_FILENO) == 1 { Console.complain("winnow: reading from the terminal; Ctrl-D ends the input") }
        do {
            return try Descriptor.read(STDIN_FILENO, limit: limit)
        } catch {
            throw SmallFileError("standard input", error.code)
        }
    }

    /// Returns the lines with their numbers, from 1, without empty and blank lines.
    static func lines(of bytes: [UInt8]) -> [(number: Int, bytes: ArraySlice<UInt8>)] {
        bytes.split(separator: newline, omittingEmptySubsequences: false).enumerated()
            .filter { !$0.element.allSatisfy { [0x20, 0x09, 0x0D].contains($0) } }
            .map { (number: $0.offset + 1, bytes: $0.element) }
    }
}

/// Decompresses a gzip file in memory.
enum Gzip {
    enum Fault: Error { case damaged, tooLarge }

    private static let chunk = 1 << 18

    static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

    /// Decompresses all members of the file in order. Bytes after the last member are ignored, as gzip does.
    /// - Parameter limit: the maximum size of the contents. A small file can expand to a very large one.
    /// - Throws: `damaged`, also if the file was truncated.
    static func inflated(_ bytes: [UInt8], limit: Int) throws(Fault) -> [UInt8] {
        var stream = z_stream()
        let format = MAX_WBITS + 16
        guard inflateInit2_(&stream, format, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .damaged
        }
        defer { inflateEnd(&stream) }
        var contents: [UInt8] = []
        var taken = 0
        while true {
            var code = Z_OK
            let inflated = bytes.withUnsafeBufferPointer { input in
                [UInt8](unsafeUninitializedCapacity: chunk) { output, count in
                    stream.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + taken) }
                    stream.avail_in = UInt32(input.count - taken)
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(chunk)
                    code = inflate(&stream, Z_NO_FLUSH)
                    count = chunk - Int(stream.avail_out)
                    taken = input.count - Int(stream.avail_in)
                }
            }
            contents += inflated
            guard contents.count <= limit else { throw .tooLarge }
            switch code {
            case Z_OK: continue
            case Z_STREAM_END:
                guard isGzip(Array(bytes[taken...].prefix(2))), inflateReset(&stream) == Z_OK else { return contents }
            default: throw .damaged
            }
        }
    }
}
