import FoundationEssentials
import Glibc

/// Tells other processes where the broker listens; its ports are random.
struct AddressFile {
    let path: String?

    /// Writes beside and renames, so that a reader never sees half an address.
    func publish(_ address: String) throws {
        if let path { try Data((address + "\n").utf8).write(to: URL(filePath: path), options: .atomic) }
        print(address)
        // A pipe would keep it until the end.
        fflush(nil)
    }

    /// An address that nobody listens on must not be found by the next start.
    func withdraw() {
        guard let path else { return }
        try? FileManager.default.removeItem(atPath: path)
    }
}
