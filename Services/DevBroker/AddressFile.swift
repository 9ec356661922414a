import Glibc
import Settings

/// Publishes the broker's address to other processes, because its ports are random.
struct AddressFile {
    let path: String?

    func publish(_ address: String) throws {
        if let path { try SmallFile.replace(path, with: address + "\n") }
        print(address)
        // Output to a pipe is buffered: without a flush, the reader would get the address only when the process ends.
        fflush(nil)
    }

    /// Removes the file, so that the next start does not find an address without a listener.
    func withdraw() {
        if let path { SmallFile.remove(path) }
    }
}
