import Glibc
import Settings

/// A file, a pipe, a process substitution or standard input, read to its end.
enum InputFile {
    /// A file that was named by mistake must not fill the memory.
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

    /// The lines with their numbers, from 1, without those that are empty or only white space.
    static func lines(of bytes: [UInt8]) -> [(number: Int, bytes: ArraySlice<UInt8>)] {
        bytes.split(separator: newline, omittingEmptySubsequences: false).enumerated()
            .filter { !$0.element.allSatisfy { [0x20, 0x09, 0x0D].contains($0) } }
            .map { (number: $0.offset + 1, bytes: $0.element) }
    }
}
