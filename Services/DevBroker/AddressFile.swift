import Glibc
import Settings

/// Tells other processes where the broker listens; its ports are random.
struct AddressFile {
    let path: String?

    func publish(_ address: String) throws {
        if let path { try SmallFile.replace(path, with: address + "\n") }
        print(address)
        // A pipe would keep it until the end.
        fflush(nil)
    }

    /// An address that nobody listens on must not be found by the next start.
    func withdraw() {
        if let path { SmallFile.remove(path) }
    }
}
