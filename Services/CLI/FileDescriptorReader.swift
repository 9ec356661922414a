import FoundationEssentials
import Glibc

/// Reads standard input to its end.
enum FileDescriptorReader {
    static func standardInput() throws -> Data {
        var data = Data()
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            guard count >= 0 else { throw UnreadableInput() }
            guard count > 0 else { return data }
            data.append(contentsOf: chunk[..<count])
        }
    }

    struct UnreadableInput: Error, CustomStringConvertible {
        let description = "standard input cannot be read"
    }
}
